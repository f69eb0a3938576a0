"""Client CPU per row of reading TPC-H lineitem, by olbridge and by other drivers, all through the embedded engine's client library in one run.

    cargo bench --bench read --no-run                 # prints the path of the benchmark's executable
    python3 -m venv venv && venv/bin/pip install oracledb pyarrow connectorx pandas
    npm install --prefix venv oracledb                # node-oracledb, where there is a node
    NODE_PATH=venv/node_modules venv/bin/python benches/peers/read.py EXECUTABLE [ROWS]

Every read is a process of its own. The engine gives a fetch of 8,192 rows again and again (OLBRIDGE_EMBEDDED_REPLAY_ROWS), which costs it a copy of
the client's own arrays, so that what is measured is the client; `fetch alone` is that copy and the calls, with olbridge's buffers. Logins and imports
are not measured, but for olbridge and rust-oracle, which measure themselves. A peer that does not run is left out, with a line that says why.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

SQL = "SELECT * FROM LINEITEM"
FETCH_ROWS = 8192
ROUNDS = 5
OWN = ["fetch alone", "arrow", "parquet", "parquet uncompressed", "rust-oracle"]
PEERS = [
    "python-oracledb fetch_df_all, exact decimals",
    "python-oracledb fetch_df_batches, exact decimals",
    "python-oracledb fetch_df_batches, decimals as float",
    "python-oracledb fetchmany",
    "ConnectorX to Arrow",
    "node-oracledb getRows",
    "node-oracledb getRows, exact decimals",
]


def read_by_oracledb(name, client_dir, database):
    import oracledb

    oracledb.init_oracle_client(lib_dir=client_dir)
    oracledb.defaults.fetch_decimals = "exact" in name
    connection = oracledb.connect(user="olbridge", password="olbridge", dsn=database)
    began, cpu = time.perf_counter(), time.process_time()
    rows = 0
    if "df_all" in name:
        rows = connection.fetch_df_all(SQL, arraysize=FETCH_ROWS).num_rows()
    elif "df_batches" in name:
        for frame in connection.fetch_df_batches(SQL, size=FETCH_ROWS):
            rows += frame.num_rows()
    else:
        cursor = connection.cursor()
        cursor.arraysize = FETCH_ROWS
        cursor.prefetchrows = 0
        cursor.execute(SQL)
        while some := cursor.fetchmany():
            rows += len(some)
    return rows, time.perf_counter() - began, time.process_time() - cpu


def read_by_connectorx(database):
    import connectorx

    # The engine takes any host and service for the file that OLBRIDGE_EMBEDDED_DATABASE names.
    source = "oracle://olbridge:olbridge@localhost:1521/embedded"
    began, cpu = time.perf_counter(), time.process_time()
    table = connectorx.read_sql(source, SQL, return_type="arrow")
    return table.num_rows, time.perf_counter() - began, time.process_time() - cpu


def child(name, client_dir, database):
    read = read_by_connectorx(database) if name.startswith("ConnectorX") else read_by_oracledb(name, client_dir, database)
    print(*read)


def run(command, environment):
    """Figures as a list, or None with the reason on standard error."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        print(f"left out: {command[-3:]}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return [float(figure) for figure in done.stdout.split()]


def peer_command(name, executable, database):
    if name.startswith("node"):
        return ["node", pathlib.Path(__file__).with_name("read.js"), executable.parent, database, "exact" if "exact" in name else "rows"]
    return [sys.executable, __file__, "child", name, executable.parent, database]


def main():
    executable = pathlib.Path(sys.argv[1]).resolve()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        database = pathlib.Path(directory, "lineitem.db")
        subprocess.run([executable, "fill", database, str(FETCH_ROWS)], check=True)
        environment = os.environ | {
            "OLBRIDGE_EMBEDDED_REPLAY_ROWS": str(rows),
            "OLBRIDGE_EMBEDDED_DATABASE": str(database),
            "LD_LIBRARY_PATH": str(executable.parent),
        }
        best = {}
        for name in OWN + PEERS:
            own = name in OWN
            command = peer_command(name, executable, database) if not own else [executable, "child", name, database]
            for _ in range(ROUNDS if name in OWN[:4] else 1):
                figures = run(command, environment)
                if figures is None:
                    break
                if not own and figures[0] != rows:
                    print(f"{name}: {figures[0]:.0f} rows instead of {rows}", file=sys.stderr)
                wall, cpu = figures[0:2] if own else figures[1:3]
                best[name] = min(best.get(name, (wall, cpu)), (wall, cpu), key=lambda figure: figure[1])
        print(f"lineitem, {rows} rows; process time of the whole program's read")
        arrow = best["arrow"][1]
        for name, (wall, cpu) in best.items():
            print(f"{name:<52} {wall:8.2f} s wall {cpu:8.2f} s CPU {cpu / rows * 1e6:8.3f} us/row {cpu / arrow:7.1f} x olbridge to Arrow")


if sys.argv[1] == "child":
    child(*sys.argv[2:])
else:
    main()
