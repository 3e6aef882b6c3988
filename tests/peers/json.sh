#!/usr/bin/env bash
# Chat servers over npm `ws` and PyPI `websockets`, driven by wsbench: dialect json, no code, nothing lost.
# WSBENCH=PROGRAM takes a build that is there. Prints PASS, FAIL or SKIP for each and exits with 0, 1 or 77. Run by tests/peers/run or by hand; the last result stands in
# docs/peers.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    server=
}
trap 'stop; rm -rf "$place"' EXIT
failed=0 skipped=0

skip() {
    echo "SKIP  $1: $2"
    skipped=$((skipped + 1))
}

# judge NAME VERSIONS COMMAND…: runs a peer that prints its port, drives it, reads the result.
judge() {
    local name=$1 versions=$2 port=
    shift 2
    # There, and empty of the last peer's, before the first look.
    : >"$place/port"
    "$@" >"$place/port" 2>"$place/$name.log" &
    server=$!
    for _ in $(seq 200); do
        read -r port <"$place/port" && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    local result="$place/$name.json" said=
    if [[ -n $port ]] &&
        "$wsbench" run tests/peers/json/scenario.toml -q -e "URL=ws://127.0.0.1:$port" --out "json=$result" >"$place/$name.txt" &&
        said=$(python3 tests/peers/json/check.py "$result"); then
        echo "PASS  $name ($versions): $said"
    else
        echo "FAIL  $name ($versions): $said"
        cat "$place/$name.log" "$place/$name.txt" 2>/dev/null || true
        failed=$((failed + 1))
    fi
    stop
}

over_node() {
    if command -v node >/dev/null && command -v npm >/dev/null &&
        mkdir -p "$place/node" && cp tests/peers/json/server.mjs "$place/node" &&
        npm install --silent --no-fund --no-audit --prefix "$place/node" ws@8 >"$place/npm.log" 2>&1; then
        local ws
        ws=$(node -p "require('$place/node/node_modules/ws/package.json').version")
        judge json-node "node $(node --version), ws $ws" node "$place/node/server.mjs"
    else
        skip json-node "node, npm or the package ws is not to be had"
    fi
}

over_python() {
    if command -v python3 >/dev/null && python3 -m venv "$place/python" >"$place/venv.log" 2>&1 &&
        "$place/python/bin/pip" install --quiet 'websockets>=15,<16' >"$place/pip.log" 2>&1; then
        local versions
        versions=$("$place/python/bin/python" -c 'import platform, websockets; print(f"python {platform.python_version()}, websockets {websockets.__version__}")')
        judge json-python "$versions" "$place/python/bin/python" tests/peers/json/server.py
    else
        skip json-python "python3, venv or the package websockets is not to be had"
    fi
}

if [[ -n ${WSBENCH:-} ]]; then
    wsbench=$(realpath "$WSBENCH")
else
    cargo build --release --locked >&2
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi
over_node
over_python
[[ $failed -eq 0 ]] || exit 1
[[ $skipped -eq 0 ]] || exit 77
