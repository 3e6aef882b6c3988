#!/usr/bin/env bash
# A real browser's EventSource against the room server.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
# SERVER=PATH uses a reference-server that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIP  browser: $1"
    exit 77
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no chromium"
command -v redis-server >/dev/null || skip "no redis-server"
command -v python3 >/dev/null || skip "no python3"
version=$("$chromium" --version 2>/dev/null | tail -1) || skip "chromium does not start"

server=${SERVER:-}
if [[ -z $server ]]; then
    cargo build --release --locked -p reference-server
    server=${CARGO_TARGET_DIR:-target}/release/reference-server
fi
if python3 tests/peers/browser/check.py "$server" "$chromium"; then
    echo "PASS  browser ($version)"
else
    echo "FAIL  browser ($version)"
    exit 1
fi
