"""One load of a lineitem Parquet file by python-oracledb (thick) through the client library in a directory; prints wall and CPU seconds.

    load.py rows|dataframe CLIENT_DIR FILE DDL

Decoding is part of it, as it is of every other program that benches/peers/compare.py runs; the login and the imports are not.
"""

import sys
import time

import oracledb
import pyarrow.parquet as parquet

BATCH_ROWS = 8192
SQL = "INSERT INTO LINEITEM VALUES (" + ", ".join(f":{i}" for i in range(1, 17)) + ")"


def main():
    how, client_dir, file, ddl = sys.argv[1:]
    oracledb.init_oracle_client(lib_dir=client_dir)
    connection = oracledb.connect(user="olbridge", password="olbridge", dsn="null")
    cursor = connection.cursor()
    cursor.execute(ddl)
    began, cpu = time.perf_counter(), time.process_time()
    rows = 0
    for batch in parquet.ParquetFile(file).iter_batches(BATCH_ROWS):
        if how == "rows":
            columns = [column.to_pylist() for column in batch.columns]
            cursor.executemany(SQL, list(zip(*columns)))
        else:
            cursor.executemany(SQL, batch)
        rows += batch.num_rows
        if cursor.rowcount != batch.num_rows:
            raise SystemExit(f"{cursor.rowcount} of {batch.num_rows} rows were counted")
    connection.commit()
    print(rows, time.perf_counter() - began, time.process_time() - cpu)


main()
