#!/usr/bin/env bash
# wsbench repl at pipes against a server over npm `ws`: raw lines, binary, a dialect with parameters, curl, a restart.
# Prints PASS, FAIL or SKIP for each and exits with 0, 1 or 77. Run by tests/peers/run or by hand; the last result stands in
# docs/peers.md. WSBENCH names another binary than the release build.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $server ]] || wait "$server" 2>/dev/null || true
    server=
}
trap 'stop; rm -rf "$place"' EXIT
failed=0

# start [PORT]: the server, on PORT or a free one; sets port.
start() {
    : >"$place/port"
    node "$place/server.mjs" "${1:-0}" >"$place/port" 2>"$place/server.log" &
    server=$!
    for _ in $(seq 200); do
        read -r port <"$place/port" && return
        sleep 0.05
    done
    echo "the server does not start:" >&2
    cat "$place/server.log" >&2
    exit 1
}

# judge NAME CODE WANTED: lines come from stdin; the exit code must be CODE and the output hold WANTED.
judge() {
    local name=$1 code=$2 wanted=$3 ended=0
    shift 3
    timeout 60 "$wsbench" repl "ws://127.0.0.1:$port" "$@" >"$place/out" 2>&1 || ended=$?
    if [[ $ended -eq $code ]] && grep -qF -- "$wanted" "$place/out"; then
        echo "PASS  repl $name (node $(node --version), ws $ws)"
    else
        echo "FAIL  repl $name: exit code $ended, expected $code; no $wanted in:"
        head -c 4000 "$place/out"
        failed=$((failed + 1))
    fi
}

command -v node >/dev/null && command -v npm >/dev/null || { echo "SKIP  repl: node or npm is not to be had"; exit 77; }
cp tests/peers/repl/server.mjs "$place"
npm install --silent --no-fund --no-audit --prefix "$place" ws@8 >"$place/npm.log" 2>&1 ||
    { echo "SKIP  repl: the package ws is not to be had"; exit 77; }
ws=$(node -p "require('$place/node_modules/ws/package.json').version")
wsbench=${WSBENCH:-}
if [[ -z $wsbench ]]; then
    cargo build --release --locked >&2
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi

start
judge "echoes a line" 0 '"text":"hello"' --format ndjson \
    < <(printf '%s\n' 'hello' '/expect hello')
judge "shows binary as hex" 0 '00 01 fe ff |....|' \
    < <(printf '%s\n' 'binary' '/expect 00 01')
printf '\000\001' >"$place/bytes"
judge "sends a file" 0 '00 01 |..|' \
    < <(printf '%s\n' "/sendfile $place/bytes" '/expect 00 01')
judge "speaks a dialect with parameters" 0 '{"said":"hi"}' \
    < <(printf '%s\n' '/dialect json publish={"say":"{{text}}"} deliver.when={ has = "/said" }' '/join any' 'hi' '/expect {"said":"hi"}')
judge "goes where a pasted curl goes" 0 'mark m' \
    < <(printf '%s\n' "curl 'ws://127.0.0.1:$port/x' -H 'X-Mark: m' -H 'Sec-WebSocket-Version: 13' --compressed" '/expect mark m')
judge "explains a close and stays away" 99 'a rule of the other side' \
    < <(printf '%s\n' 'close 1008' '/expect 2s nothing')
judge "compresses nothing and says one line by a flag" 0 '< one' --send one -w 1s </dev/null
judge "has nothing to record" 2 'nothing was said yet' \
    < <(printf '%s\n' '/record '"$place/said.toml")
judge "records a session" 0 'wrote' \
    < <(printf '%s\n' '/dialect json publish={"say":"{{text}}"} deliver.when={ has = "/said" }' '/join any' 'first' 'second' "/record $place/said.toml")
if "$wsbench" run "$place/said.toml" >"$place/ran" 2>&1 && grep -q 'due 2 = delivered 2 + lost 0' "$place/ran"; then
    echo "PASS  repl a recording says the same again (ws $ws)"
else
    echo "FAIL  repl a recording does not say the same again:"
    cat "$place/ran"
    failed=$((failed + 1))
fi

# A restart: the same port, another process, while a console waits.
{
    sleep 1
    stop
    sleep 1
    exec node "$place/server.mjs" "$port" >/dev/null 2>"$place/server.log"
} &
restarter=$!
first=$server
printf '%s\n' '/expect not 1s never' 'going' '/expect 20s mark' 'hello' '/expect hello' >"$place/lines"
judge "comes back after a restart" 0 'back by websocket after' <"$place/lines"
kill "$first" 2>/dev/null || true
server=$restarter
stop
[[ $failed -eq 0 ]]
