"""Runs the tests that come with python-oracledb and with the `oracle` crate on the embedded engine, and counts what passes.

    python run.py --library DIR --cache DIR [--python-tests DIR] [--crate DIR] [--only NAME …] [--record] [--details FILE] [--limit-s N]

Prints a line per file: passed, failed, skipped, and the floor: the least that has to pass, from floors.tsv. Ends with 1 when a file
passes fewer than its floor, after a second try; files whose tests depend on timing are only named. `--record` writes the counts of this run
as the floors; `--details` writes every failure and its reason.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
FLOORS = HERE / "floors.tsv"
FILE_LIMIT_S = 120
TEST_LIMIT_S = 20
# Not run: thin mode has nothing of this library, and asyncio is thin mode only.
# Files whose tests depend on timing (pools, time limits, other threads): below their floor they are only named.
TIMED_FILES = re.compile(r"_1100_connection$|_2400_pool$|_4300_cursor_other$")
SKIPPED_FILES = re.compile(r"_async\b|_7000_connection_async|_5200_sql_parser|_7200_tnsnames|_7300_unsupported_features_thin")

Counts = collections.namedtuple("Counts", "passed failed skipped note")


def environment(arguments, database):
    login = {"MAIN_USER": "suite", "MAIN_PASSWORD": "suite", "ADMIN_USER": "suite_admin", "ADMIN_PASSWORD": "suite"}
    login |= {"PROXY_USER": "suite_proxy", "PROXY_PASSWORD": "suite"}
    login["CONNECT_STRING"] = "embedded.invalid/suite"
    variables = {f"{prefix}_{key}": value for prefix in ("PYO_TEST", "ODPIC_TEST") for key, value in login.items()}
    # Servers' connect strings lead to this file.
    variables["OLBRIDGE_EMBEDDED_DATABASE"] = str(database)
    variables["OLBRIDGE_LOCK_WAIT_MS"] = "2000"
    variables["LD_LIBRARY_PATH"] = str(arguments.library)
    variables["TZ"] = "UTC"
    return os.environ | variables


def template(arguments, suite, directory):
    """A database with the suite's tables; every file of tests gets a copy."""
    database = directory / f"{suite}.db"
    subprocess.run(
        [sys.executable, HERE / "schema.py", suite, database],
        env=os.environ | {"LD_LIBRARY_PATH": str(arguments.library)},
        check=True,
        timeout=60,
    )
    return database


def own_copy(database, directory, name):
    own = directory / f"{name}.db"
    for file in database.parent.glob(database.name + "*"):
        shutil.copy(file, directory / file.name.replace(database.name, own.name))
    return own


def run(command, limit_s, **options):
    """Exit status (None after the limit) and output of a command in a process group of its own."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return None, process.communicate()[0]


def python_file(arguments, database, directory, file, failures):
    report = directory / f"{file.stem}.xml"
    command = [sys.executable, "-m", "pytest", "--use-thick-mode", "-q", "-x" if arguments.first else "-q", "-p", "no:cacheprovider"]
    command += [f"--timeout={TEST_LIMIT_S}", "--timeout-method=signal", f"--junitxml={report}", "--tb=short", file.name]
    own = own_copy(database, directory, file.stem)
    status, output = run(command, FILE_LIMIT_S, env=environment(arguments, own), cwd=file.parent)
    if status is None or not report.exists():
        last = output.strip().splitlines()[-1:] or ["no output"]
        note = f"stopped after {FILE_LIMIT_S} s" if status is None else f"ended with status {status}: {last[0]}"
        failures.append(f"{file.stem}\t*\t{note}\n{output[-3000:]}")
        return Counts(0, 0, 0, note)
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            failed += 1
            failures.append(f"{file.stem}\t{case.get('name')}\t{reason(bad)}")
        elif case.find("skipped") is not None:
            skipped += 1
            failures.append(f"{file.stem}\t{case.get('name')}\tSKIP {case.find('skipped').get('message')}")
        else:
            passed += 1
    return Counts(passed, failed, skipped, "")


def python_file_again(arguments, database, directory, file, failures):
    """A file that passes fewer tests than its floor runs once more: a slow machine is no failure."""
    first = []
    counts = python_file(arguments, database, directory, file, first)
    if counts.passed < read_floors().get(("python-oracledb", file.stem), 0):
        again = []
        second = python_file(arguments, database, directory, file, again)
        if second.passed > counts.passed:
            counts, first = second, again
    failures.extend(first)
    return counts


def reason(bad):
    """What a failed test says: its first Oracle error, else the message."""
    text = (bad.get("message") or "") + "\n" + (bad.text or "")
    found = re.search(r"(ORA|DPI|DPY|OCI)-\d+:[^\n]*", text)
    return (found.group(0) if found else text.strip().splitlines()[0])[:300]


def python_suite(arguments, directory, failures):
    tests = pathlib.Path(arguments.python_tests)
    database = template(arguments, "python-oracledb", directory)
    files = [file for file in sorted(tests.glob("test_*.py")) if not SKIPPED_FILES.search(file.stem)]
    files = [file for file in files if not arguments.only or any(name in file.stem for name in arguments.only)]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        counts = pool.map(lambda file: python_file_again(arguments, database, directory, file, failures), files)
        yield from ((("python-oracledb", file.stem), count) for file, count in zip(files, counts))


def rust_suite(arguments, directory, failures):
    """Tests of the crate, one by one test file; their process ends at a crash, so what has no result counts as failed."""
    database = template(arguments, "rust-oracle", directory)
    for name in ["bind", "connection", "from_to_sql", "object", "object_type", "procmacro", "statement"]:
        if arguments.only and not any(only in name for only in arguments.only):
            continue
        own = own_copy(database, directory, name)
        command = ["cargo", "test", "--features", "chrono", "--test", name, "--target-dir", f"{arguments.cache}/oracle-target"]
        status, output = run(command, arguments.build_limit_s, env=environment(arguments, own), cwd=arguments.crate)
        results = re.findall(r"^test (\S+) \.\.\. (ok|FAILED|ignored)$", output, re.MULTILINE)
        number = collections.Counter(result for _, result in results)
        blocks = dict(re.findall(r"^---- (\S+) stdout ----\n(.*?)(?=^---- |^failures:)", output, re.MULTILINE | re.DOTALL))
        for test, result in results:
            if result == "FAILED":
                found = re.search(r"(ORA|DPI)-\d+:[^\n]*", blocks.get(test, ""))
                failures.append(f"rust-oracle {name}\t{test}\t{found.group(0) if found else blocks.get(test, '').strip()[:200]}")
        note = "" if results else f"status {status}: {output.strip()[-300:]}"
        yield ("rust-oracle", name), Counts(number["ok"], number["FAILED"], number["ignored"], note)


def read_floors():
    lines = FLOORS.read_text().splitlines() if FLOORS.exists() else []
    return {tuple(line.split("\t")[:2]): int(line.split("\t")[2]) for line in lines if line and not line.startswith("#")}


def write_floors(floors):
    lines = [f"{suite}\t{file}\t{floor}" for (suite, file), floor in sorted(floors.items())]
    FLOORS.write_text("\n".join(["# suite\tfile\tleast number of tests that have to pass", *lines]) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--python-tests")
    parser.add_argument("--crate")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--details")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--build-limit-s", type=int, default=400)
    parser.add_argument("--limit-s", type=int, default=480)
    arguments = parser.parse_args()
    floors, failures, low = read_floors(), [], []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        suites = []
        if arguments.python_tests:
            suites.append(python_suite(arguments, pathlib.Path(directory), failures))
        if arguments.crate:
            suites.append(rust_suite(arguments, pathlib.Path(directory), failures))
        print(f"{'suite':16} {'file':36} {'passed':>7} {'failed':>7} {'skipped':>8} {'floor':>6}")
        total = collections.Counter()
        for suite in suites:
            for key, counts in suite:
                floor = floors.get(key, 0)
                is_low = counts.passed < floor
                mark = " BELOW ITS FLOOR" if is_low else ""
                line = f"{key[0]:16} {key[1]:36} {counts.passed:7} {counts.failed:7} {counts.skipped:8} {floor:6}"
                print(f"{line}{mark} {counts.note}".rstrip(), flush=True)
                total.update(passed=counts.passed, failed=counts.failed, skipped=counts.skipped)
                if is_low and TIMED_FILES.search(key[1]):
                    print(f"WARNING: {key[1]} is below its floor; its tests depend on timing", file=sys.stderr)
                elif is_low:
                    low.append(key)
                if arguments.record:
                    floors[key] = counts.passed
                if time.monotonic() - started > arguments.limit_s:
                    sys.exit(f"suites: stopped after {arguments.limit_s} s; the files above are counted, the others are not")
        print(f"{'':16} {'all':36} {total['passed']:7} {total['failed']:7} {total['skipped']:8}")
    if arguments.details:
        pathlib.Path(arguments.details).write_text("\n".join(failures) + "\n")
    if arguments.record:
        write_floors(floors)
    if low:
        sys.exit("suites: fewer tests pass than floors.tsv says: " + ", ".join(file for _, file in low))


if __name__ == "__main__":
    main()
