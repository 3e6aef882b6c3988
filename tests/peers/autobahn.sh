#!/usr/bin/env bash
# The Autobahn test suite against the room server's codec (/conformance/echo).
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand; the last result stands in docs/peers.md.
# WSTEST names a wstest that is installed already; otherwise it is installed into a temporary directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT

skip() {
    echo "SKIP  autobahn: $1"
    exit 77
}

install() {
    local python=
    for python in "$(command -v python2.7 || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7; do
        # A shim of pyenv is there without its Python, too.
        [[ -x $python ]] && "$python" -c '' 2>/dev/null && break
        python=
    done
    [[ -n $python ]] || skip "no Python 2.7, the last one the suite runs on"
    {
        # 20.22 gave up 2.7.
        python3 -m venv "$place/tool" && "$place/tool/bin/pip" install 'virtualenv<20.22' &&
            "$place/tool/bin/virtualenv" -p "$python" "$place/suite" &&
            "$place/suite/bin/pip" install autobahntestsuite==25.10.1
    } >"$place/install.log" 2>&1 || { tail -5 "$place/install.log" >&2; skip "the suite cannot be installed"; }
    wstest=$place/suite/bin/wstest
}

# suite NAME QUERY CASES…: one run against the server.
suite() {
    local name=$1 query=$2 cases=$3
    cat >"$place/$name.json" <<SPEC
{"outdir": "$place/$name", "servers": [{"agent": "room-server", "url": "ws://$address/conformance/echo$query"}],
 "cases": $cases, "exclude-cases": [], "exclude-agent-cases": {}}
SPEC
    (cd "$place" && timeout 600 "$wstest" -m fuzzingclient -s "$place/$name.json") >"$place/$name.log" 2>&1 ||
        { tail -20 "$place/$name.log" >&2; echo "FAIL  autobahn: the suite ended badly"; exit 1; }
}

wstest=${WSTEST:-}
[[ -n $wstest ]] || install
cargo build --release --locked -p reference-server >&2
WSBENCH_JWT_SECRET=unused "${CARGO_TARGET_DIR:-target}/release/reference-server" --faults --broker memory >"$place/ready" &
server=$!
for _ in $(seq 100); do
    [[ -s $place/ready ]] && break
    sleep 0.05
done
address=$(sed -n 's|.* url=ws://\([^ ]*\) .*|\1|p' "$place/ready")
[[ -n $address ]] || { echo "FAIL  autobahn: the server is not ready"; exit 1; }

suite core '' '["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]'
suite raised '?max_message=16777216' '["9.*"]'
suite default '' '["9.*"]'
python3 tests/peers/autobahn/judge.py "$place"
