#!/usr/bin/env bash
# Every script of the release and of docs/ci.md's pipelines, carried out as written by stand-ins for their runners.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand; takes ten minutes, most of it gates.
# WSBENCH=PATH uses a binary that is built already; ONLY=WORD plays the cases whose name holds it.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

for program in git curl cc openssl readelf redis-server groovy java; do
    command -v "$program" >/dev/null || { echo "SKIP  rehearsal: no $program"; exit 77; }
done
python3 -m venv "$place/python" >"$place/log" 2>&1 && "$place/python/bin/pip" install pyyaml==6.0.3 >>"$place/log" 2>&1 || {
    echo "SKIP  rehearsal: python3, venv or the package pyyaml is not to be had"
    exit 77
}
wsbench=${WSBENCH:-}
if [[ -z $wsbench ]]; then
    cargo build --release --locked
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi
mkdir "$place/stage"
"$place/python/bin/python" tests/peers/rehearsal/play.py "$wsbench" "$place/stage" "${ONLY:-}"
