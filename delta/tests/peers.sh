#!/usr/bin/env bash
# Installs what this crate's tests talk to, once, and prints the folder: Azurite (npm) as Azure and OneLake, moto (PyPI) as S3, and the
# Python packages deltalake and duckdb, which read what we write and write what we read. Tests skip loudly without them.
set -euo pipefail
folder=${OLBRIDGE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/olbridge-peers}
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ ! -x "$folder/python/bin/moto_server" ] || ! "$folder/python/bin/python" -c 'import deltalake, duckdb, pyarrow' 2>/dev/null; then
  python3 -m venv "$folder/python" >&2
  "$folder/python/bin/pip" install --quiet 'deltalake==1.6.6' 'moto[server,s3]==5.2.5' duckdb pyarrow >&2
fi
if [ ! -x "$folder/node_modules/.bin/azurite-blob" ]; then
  npm install --silent --no-fund --no-audit --prefix "$folder" azurite@3.37.0 >&2
fi
echo "$folder"
