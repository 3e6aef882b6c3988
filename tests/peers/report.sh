#!/usr/bin/env bash
# The HTML report in a real browser: no console error, no request, charts drawn, hovering shows values, nothing wider than
# the page, hostile names stay text. PASS, FAIL or SKIP on the last line; exits with 0, 1 or 77.
# WSBENCH=PATH uses a binary that is built already; SHOTS=DIRECTORY keeps the screenshots to look at.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIP  report: $1"
    exit 77
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no chromium"
command -v python3 >/dev/null || skip "no python3"
version=$("$chromium" --version 2>/dev/null | tail -1) || skip "chromium does not start"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
wsbench=${WSBENCH:-}
if [[ -z $wsbench ]]; then
    cargo build --release --locked
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi
"$wsbench" run scenarios/reconnect-storm.toml -q -e LISTENERS=180 -e TALKERS=20 -e WARM_UP=1s -e AT=4s -e DURATION=14s \
    -e DRAIN=2s --out "json=$place/storm.json" >"$place/run.txt" || [[ $? -eq 99 || $? -eq 4 ]]
python3 tests/peers/report/hostile.py "$place/storm.json" "$place/hostile.json"
for name in storm hostile; do
    "$wsbench" report "$place/$name.json" --out "html=$place/$name.html" >/dev/null
done
shots=${SHOTS:-$place}
mkdir -p "$shots"
if python3 tests/peers/report/look.py "$chromium" "$shots" "$place/storm.html" "$place/hostile.html"; then
    echo "PASS  report ($version)"
else
    echo "FAIL  report ($version)"
    exit 1
fi
