"""CPU of writing TPC-H lineitem into a Delta table in a local folder, by olbridge and by Python's `write_deltalake`: the same batches, from memory.

    cargo bench --features delta --bench delta --no-run   # prints the path of the benchmark's executable
    python3 -m venv venv && venv/bin/pip install deltalake pyarrow
    venv/bin/python benches/peers/delta.py EXECUTABLE [ROWS]

Both read a Parquet file into memory first, which is not measured, and write Snappy with their own defaults. Rounds alternate, so that both see the same
moments of the machine.
"""

import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BATCH_ROWS = 8192
ROUNDS = 7


def child(file, folder):
    import pyarrow
    import pyarrow.parquet
    from deltalake import write_deltalake

    source = pyarrow.parquet.ParquetFile(file)
    batches = list(source.iter_batches(BATCH_ROWS))
    reader = pyarrow.RecordBatchReader.from_batches(source.schema_arrow, batches)
    began, cpu = time.perf_counter(), time.process_time()
    write_deltalake(folder, reader)
    print(time.perf_counter() - began, time.process_time() - cpu, flush=True)


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    # Threads of the package may be aborted when the interpreter leaves: what it printed before counts.
    if not done.stdout.split():
        sys.exit(f"{command}: {done.stderr.strip()}")
    return [float(figure) for figure in done.stdout.split()[:2]]


def main():
    executable = pathlib.Path(sys.argv[1]).resolve()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        file, folder = pathlib.Path(directory, "lineitem.parquet"), pathlib.Path(directory, "python")
        subprocess.run([executable, "generate", file, str(rows)], check=True)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(run([executable, "child", "write held", file]))
            shutil.rmtree(folder, ignore_errors=True)
            theirs.append(run([sys.executable, __file__, "child", file, folder]))
        print(f"lineitem, {rows} rows, {ROUNDS} rounds; median of each")
        for name, figures in [("olbridge", ours), ("write_deltalake", theirs)]:
            wall, cpu = (statistics.median(column) for column in zip(*figures))
            print(f"{name:<16} {wall:8.2f} s wall {cpu:8.2f} s CPU {cpu / rows * 1e6:8.3f} us/row")
        ratios = sorted(own[1] / other[1] for own, other in zip(ours, theirs))
        print(f"CPU of olbridge to write_deltalake: median {statistics.median(ratios):.2f} (least {ratios[0]:.2f}, most {ratios[-1]:.2f})")


if sys.argv[1] == "child":
    child(*sys.argv[2:])
else:
    main()
