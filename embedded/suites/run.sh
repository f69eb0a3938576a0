#!/bin/bash
# Runs the tests that come with python-oracledb and with the `oracle` crate on the embedded engine; nothing of theirs is kept here: both
# come from their registries, through pip and cargo, into a cache outside the repository. Skips loudly what cannot be had.
#
#   embedded/suites/run.sh [arguments of run.py: --only NAME …, --record, --details FILE]
#
# OLBRIDGE_SUITE_CACHE is the cache's directory (default ~/.cache/olbridge-suites).
set -euo pipefail
cd "$(dirname "$0")/../.."
# This version accepts a client 19.3 in thick mode; the counts of floors.tsv are of it.
oracledb=3.4.1
cache=${OLBRIDGE_SUITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/olbridge-suites}
target=${CARGO_TARGET_DIR:-$PWD/target}

skip() {
  echo "SKIPPED suites of other clients: $*" >&2
  exit 0
}

mkdir -p "$cache"
command -v python3 >/dev/null || skip "no python3"
if [ ! -e "$cache/ready-$oracledb" ]; then
  echo "suites: fetching python-oracledb $oracledb and its tests' requirements into $cache" >&2
  python3 -m venv "$cache/venv" || skip "python3 -m venv failed"
  "$cache/venv/bin/pip" install -q "oracledb==$oracledb" 'numpy>=2' 'pandas>=2' 'pyarrow>=20' 'pytest>=8' 'pytest-timeout>=2' 'anyio>=4' \
    || skip "pip cannot install oracledb $oracledb and what its tests need"
  # Without building: the package is downloaded as its source archive.
  "$cache/venv/bin/pip" download -q --no-deps --no-binary oracledb -d "$cache/source" "oracledb==$oracledb" || skip "no source package"
  tar -xzf "$cache/source/oracledb-$oracledb.tar.gz" -C "$cache"
  touch "$cache/ready-$oracledb"
fi

cargo build -q -p olbridge-embedded
mkdir -p "$cache/library"
cp "$target/debug/libclntsh.so" "$cache/library/"

# The crate is a dependency of this workspace's tests, so cargo has its source; its copy is built with its own lock file.
host=$(rustc -vV | sed -n 's/^host: //p')
manifest=$(cargo metadata --format-version 1 --locked --filter-platform "$host" | "$cache/venv/bin/python" -c '
import json, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "oracle"))') || manifest=
crate=()
if [ -n "$manifest" ]; then
  mkdir -p "$cache/oracle"
  cp -r --no-preserve=mode "$(dirname "$manifest")/." "$cache/oracle"
  crate=(--crate "$cache/oracle")
else
  echo "SKIPPED the suite of the oracle crate: cargo does not know its source" >&2
fi

exec "$cache/venv/bin/python" embedded/suites/run.py --library "$cache/library" --cache "$cache" \
  --python-tests "$cache/oracledb-$oracledb/tests" "${crate[@]}" "$@"
