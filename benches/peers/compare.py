"""Client CPU per row of loading TPC-H lineitem, by olbridge and by other drivers, all through the embedded engine's client library in one run.

    cargo bench --bench load --no-run                 # prints the path of the benchmark's executable
    python3 -m venv venv && venv/bin/pip install oracledb pyarrow
    npm install oracledb                              # in a directory of its own; NODE_PATH says where
    NODE_PATH=$DIR/node_modules venv/bin/python benches/peers/compare.py EXECUTABLE [ROWS]

Every load is a process of its own and goes into the engine's `null` database, which takes every execute and keeps nothing. olbridge and
rust-oracle are measured by the benchmark itself, login included. A peer that is not installed is left out, with a line that says so.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pyarrow.parquet as parquet

HERE = pathlib.Path(__file__).parent
ROUNDS = 3


def lineitem_ddl():
    text = (HERE.parent / "lineitem" / "mod.rs").read_text()
    ddl = re.search(r'LINEITEM_DDL: &str = "(.*?)";', text, re.DOTALL).group(1)
    return re.sub(r"\\\n\s*", "", ddl)


def json_rows(file, to):
    """For a program that has no Parquet reader."""
    with open(to, "w", encoding="utf-8") as out:
        for batch in parquet.ParquetFile(file).iter_batches(8192):
            for row in zip(*(column.to_pylist() for column in batch.columns)):
                json.dump(row, out, default=lambda v: v.isoformat() if hasattr(v, "isoformat") else float(v))
                out.write("\n")


def run(command):
    """(wall, CPU) seconds, or None with the reason on standard error."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"left out: {command[0]}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return [float(figure) for figure in done.stdout.split()]


def main():
    executable = pathlib.Path(sys.argv[1]).resolve()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    with tempfile.TemporaryDirectory() as directory:
        file, text = pathlib.Path(directory, "lineitem.parquet"), pathlib.Path(directory, "lineitem.ndjson")
        subprocess.run([executable, "generate", file, str(rows)], check=True)
        ddl, client_dir = lineitem_ddl(), executable.parent
        python = [sys.executable, HERE / "load.py"]
        peers = {
            "olbridge": ([executable, "child", "olbridge", file], slice(0, 2)),
            "rust-oracle Batch": ([executable, "child", "rust-oracle", file], slice(0, 2)),
            "python-oracledb executemany, rows": ([*python, "rows", client_dir, file, ddl], slice(1, 3)),
            "python-oracledb executemany, DataFrame": ([*python, "dataframe", client_dir, file, ddl], slice(1, 3)),
        }
        if shutil.which("node"):
            json_rows(file, text)
            peers["node-oracledb executeMany, decoded before"] = (["node", HERE / "load.js", client_dir, text, ddl], slice(1, 3))
        best = {}
        for name, (command, columns) in peers.items():
            for _ in range(ROUNDS if name == "olbridge" else 1):
                if figures := run(command):
                    wall, cpu = figures[columns]
                    best[name] = min(best.get(name, (wall, cpu)), (wall, cpu), key=lambda figure: figure[1])
        print(f"lineitem, {rows} rows; process time of the whole program's load")
        own = best["olbridge"][1]
        for name, (wall, cpu) in best.items():
            print(f"{name:<42} {wall:8.2f} s wall {cpu:8.2f} s CPU {cpu / rows * 1e6:8.2f} us/row {cpu / own:7.1f} x olbridge")


if __name__ == "__main__":
    main()
