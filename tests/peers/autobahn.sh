#!/usr/bin/env bash
# The Autobahn test suite against both codecs: the room server's (/conformance/echo), and wsbench's WebSocket transport.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand; the last result stands in docs/peers.md.
# WSTEST names a wstest that is installed already; otherwise it is installed into a temporary directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    server=
}
trap 'stop; rm -rf "$place"' EXIT

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

core='["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]'
large='["9.*"]'

badly() {
    tail -20 "$1" >&2
    echo "FAIL  autobahn: $2 ended badly"
    exit 1
}

# against_server NAME QUERY CASES: the suite's client against the room server.
against_server() {
    local name=server-$1 query=$2 cases=$3
    cat >"$place/$name.json" <<SPEC
{"outdir": "$place/$name", "servers": [{"agent": "room-server", "url": "ws://$address/conformance/echo$query"}],
 "cases": $cases, "exclude-cases": [], "exclude-agent-cases": {}}
SPEC
    (cd "$place" && timeout 600 "$wstest" -m fuzzingclient -s "$place/$name.json") >"$place/$name.log" 2>&1 ||
        badly "$place/$name.log" "the suite"
}

# against_client NAME CASES: the suite's server, on a port of its own, against the transport.
against_client() {
    local name=client-$1 cases=$2 port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$place/$name.json" <<SPEC
{"outdir": "$place/$name", "url": "ws://127.0.0.1:$port", "cases": $cases, "exclude-cases": [], "exclude-agent-cases": {}}
SPEC
    (cd "$place" && exec "$wstest" -m fuzzingserver -s "$place/$name.json" -u 0) >"$place/$name.log" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    timeout 600 "$client" "ws://127.0.0.1:$port" wsbench >"$place/client.log" 2>&1 || badly "$place/client.log" "the client"
    stop
}

wstest=${WSTEST:-}
[[ -n $wstest ]] || install
cargo build --release --locked -p reference-server >&2
cargo build --release --locked --example autobahn_client >&2
built=${CARGO_TARGET_DIR:-target}/release
client=$built/examples/autobahn_client

WSBENCH_JWT_SECRET=unused "$built/reference-server" --faults --broker memory >"$place/ready" &
server=$!
for _ in $(seq 100); do
    [[ -s $place/ready ]] && break
    sleep 0.05
done
address=$(sed -n 's|.* url=ws://\([^ ]*\) .*|\1|p' "$place/ready")
[[ -n $address ]] || { echo "FAIL  autobahn: the server is not ready"; exit 1; }
against_server core '' "$core"
against_server large '?max_message=16777216' "$large"
against_server limited '' "$large"
stop

against_client core "$core"
against_client large "$large"
python3 tests/peers/autobahn/judge.py "$place"
