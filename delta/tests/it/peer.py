"""The other side of the interoperability tests: the Python packages deltalake and duckdb.

peer.py dump TABLE [VERSION]     the table as JSON lines, sorted by id; every value as text
peer.py duckdb TABLE             the same, read from the table's Parquet files by DuckDB
peer.py features TABLE           the features that its protocol names for writers, sorted
peer.py make KIND TABLE          a table of that kind
"""

import datetime
import decimal
import json
import os
import struct
import sys

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake


def text(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, dict):
        return {key: text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [text(inner) for inner in value]
    return None if value is None else str(value)


def dump(rows):
    for row in sorted(rows, key=lambda row: row["id"]):
        print(json.dumps({key: text(value) for key, value in row.items()}, ensure_ascii=False, sort_keys=True))


def rows(first, count):
    ids = range(first, first + count)
    return pa.table({
        "id": pa.array(ids, pa.int64()),
        "p": pa.array([f"part {i % 3}" if i % 7 else None for i in ids], pa.string()),
        "big": pa.array([decimal.Decimal(10**37 + i) for i in ids], pa.decimal128(38, 0)),
        "money": pa.array([decimal.Decimal(i) / 100 for i in ids], pa.decimal128(18, 2)),
        "at": pa.array([datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=i) for i in ids], pa.timestamp("us", "UTC")),
        "day": pa.array([datetime.date(1900 + i % 200, 1, 1) for i in ids], pa.date32()),
        "raw": pa.array([bytes([i % 256, 0]) for i in ids], pa.binary()),
        "list": pa.array([[i, None] for i in ids], pa.list_(pa.int32())),
        "pair": pa.array([{"x": i, "y": f"é{i}"} for i in ids], pa.struct([("x", pa.int16()), ("y", pa.string())])),
    })


def z85(data):
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    out = ""
    for (word,) in struct.iter_unpack(">I", data):
        out += "".join(letters[word // 85 ** place % 85] for place in (4, 3, 2, 1, 0))
    return out


def with_deletion_vector(table, deleted):
    """A commit by hand: the only file again, with a deletion vector in the log."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16) + b"".join(struct.pack("<H", row) for row in deleted)
    data = struct.pack("<Iq", 1681511377, 1) + struct.pack("<I", 0) + bitmap
    data += b"\0" * (-len(data) % 4)
    log = os.path.join(table, "_delta_log")
    last = max(int(name[:20]) for name in os.listdir(log) if name.endswith(".json"))
    adds = [json.loads(line)["add"] for line in open(os.path.join(log, f"{last:020}.json")) if '"add"' in line]
    assert len(adds) == 1
    add = adds[0]
    remove = {"path": add["path"], "dataChange": True, "deletionTimestamp": 1767225600000, "extendedFileMetadata": True, "partitionValues": {}, "size": add["size"]}
    vector = {"storageType": "i", "pathOrInlineDv": z85(data), "sizeInBytes": len(data), "cardinality": len(deleted)}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors", "appendOnly", "invariants"]}
    actions = [{"protocol": protocol}, {"remove": remove}, {"add": {**add, "deletionVector": vector}}]
    actions.insert(0, {"commitInfo": {"timestamp": 1767225600000, "operation": "DELETE"}})
    with open(os.path.join(log, f"{last + 1:020}.json"), "w") as commit:
        commit.write("\n".join(json.dumps(action) for action in actions) + "\n")


def with_v2_checkpoint(table):
    """A checkpoint of the second kind by hand, in JSON, and nothing left of the first commit."""
    log = os.path.join(table, "_delta_log")
    actions = [json.loads(line) for version in (0, 1) for line in open(os.path.join(log, f"{version:020}.json"))]
    lines = [{"checkpointMetadata": {"version": 1}}]
    lines.append({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"], "writerFeatures": ["v2Checkpoint", "appendOnly", "invariants"]}})
    lines += [action for action in actions if "metaData" in action or "add" in action]
    with open(os.path.join(log, f"{1:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"), "w") as file:
        file.write("\n".join(json.dumps(line) for line in lines) + "\n")
    os.remove(os.path.join(log, f"{0:020}.json"))


def with_sidecars(table):
    """The same with the files in two Parquet files beside it, as of a large table."""
    import pyarrow.parquet

    log = os.path.join(table, "_delta_log")
    with_v2_checkpoint(table)
    name = os.path.join(log, f"{1:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json")
    actions = [json.loads(line) for line in open(name)]
    adds = [action["add"] for action in actions if "add" in action]
    add = pa.struct([
        ("path", pa.string()), ("partitionValues", pa.map_(pa.string(), pa.string())), ("size", pa.int64()),
        ("modificationTime", pa.int64()), ("dataChange", pa.bool_()), ("stats", pa.string()),
    ])
    os.makedirs(os.path.join(log, "_sidecars"))
    lines = [action for action in actions if "add" not in action]
    for number, file in enumerate(adds):
        values = [{**{key: file.get(key) for key in ("path", "size", "modificationTime", "stats")}, "partitionValues": [], "dataChange": False}]
        sidecar = f"3a0d65cd-4056-49b8-937b-95f9e3ee90e{number}.parquet"
        path = os.path.join(log, "_sidecars", sidecar)
        pyarrow.parquet.write_table(pa.table({"add": pa.array(values, add)}), path)
        lines.append({"sidecar": {"path": sidecar, "sizeInBytes": os.path.getsize(path), "modificationTime": 1767225600000, "tags": {}}})
    with open(name, "w") as file:
        file.write("\n".join(json.dumps(line) for line in lines) + "\n")


def make(kind, table):
    if kind == "partitioned":
        write_deltalake(table, rows(0, 100), partition_by=["p"])
    elif kind == "mapped":
        write_deltalake(table, rows(0, 100), configuration={"delta.columnMapping.mode": "name"})
    elif kind == "vectors":
        write_deltalake(table, rows(0, 100))
        with_deletion_vector(table, [3, 50, 99])
    elif kind == "feed":
        write_deltalake(table, rows(0, 10), configuration={"delta.enableChangeDataFeed": "true"})
        DeltaTable(table).delete("id = 3")
        DeltaTable(table).update(predicate="id = 4", updates={"p": "'changed'"})
        write_deltalake(table, rows(10, 2), mode="append")
    elif kind == "checkpoints":
        for version in range(25):
            write_deltalake(table, rows(version * 4, 4), mode="append")
        DeltaTable(table).create_checkpoint()
        write_deltalake(table, rows(100, 4), mode="append")
    elif kind == "v2checkpoint":
        write_deltalake(table, rows(0, 10))
        write_deltalake(table, rows(10, 10), mode="append")
        with_v2_checkpoint(table)
    elif kind == "sidecars":
        write_deltalake(table, rows(0, 10))
        write_deltalake(table, rows(10, 10), mode="append")
        with_sidecars(table)
    elif kind == "row-tracking":
        write_deltalake(table, rows(0, 10))
        log = os.path.join(table, "_delta_log", f"{1:020}.json")
        features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["typeWidening"], "writerFeatures": ["typeWidening", "rowTracking", "domainMetadata"]}
        open(log, "w").write(json.dumps({"protocol": features}) + "\n")
    else:
        sys.exit(f"no kind {kind}")


def main():
    command, *rest = sys.argv[1:]
    if command == "make":
        make(*rest)
    elif command == "features":
        print(" ".join(sorted(DeltaTable(rest[0]).protocol().writer_features or [])))
    elif command == "dump":
        table = DeltaTable(rest[0], version=int(rest[1]) if len(rest) > 1 else None)
        # The package's way through pyarrow knows no column mapping and no newer features; its own engine does.
        mapped = table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none" or table.protocol().reader_features
        data = pa.table(QueryBuilder().register("t", table).execute("select * from t")) if mapped else table.to_pyarrow_table()
        dump(data.to_pylist())
    elif command == "duckdb":
        import duckdb
        files = DeltaTable(rest[0]).file_uris()
        dump(duckdb.read_parquet(files, hive_partitioning=True).to_arrow_table().to_pylist())


main()
