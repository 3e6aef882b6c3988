#!/usr/bin/env bash
# A real browser's EventSource against the room server: PASS, FAIL or SKIP on the last line; exit 0 but for FAIL.
# SERVER=PATH uses a reference-server that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIP  browser: $1"
    exit 0
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
