#!/usr/bin/env bash
# The room server's /metrics read by the Prometheus client's own OpenMetrics parser.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT

python3 -m venv "$place/python" >"$place/log" 2>&1 && "$place/python/bin/pip" install prometheus_client==0.23.1 >>"$place/log" 2>&1 || {
    echo "SKIP  openmetrics: python3, venv or the package prometheus_client is not to be had"
    exit 77
}
cargo build --release --locked -p reference-server >&2
WSBENCH_JWT_SECRET=unused "${CARGO_TARGET_DIR:-target}/release/reference-server" --broker memory >"$place/ready" &
server=$!
for _ in $(seq 100); do
    [[ -s $place/ready ]] && break
    sleep 0.05
done
admin=$(sed -n 's|.* admin=\([^ ]*\) .*|\1|p' "$place/ready")
"$place/python/bin/python" - "$admin/metrics" <<'PYTHON'
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

with urllib.request.urlopen(sys.argv[1]) as answer:
    kind, page = answer.headers["content-type"], answer.read().decode()
try:
    families = list(text_string_to_metric_families(page))
except ValueError as error:
    sys.exit(f"FAIL  openmetrics: {error}")
samples = [sample for family in families for sample in family.samples]
if "application/openmetrics-text; version=1.0.0" not in kind or any(s.labels != {"instance": "a"} for s in samples):
    sys.exit(f"FAIL  openmetrics: {kind}, {samples}")
print(f"PASS  openmetrics: {len(families)} families, {len(samples)} samples")
PYTHON
