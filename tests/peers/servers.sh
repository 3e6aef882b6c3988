#!/usr/bin/env bash
# Room servers side by side: the bundled one, Hono + ioredis, Socket.IO with its Redis adapter.
# Two instances of each, the same clients, the same work. Arguments go to the bench: `only=bundled|article|socketio
# clients=1000 rooms=20 rate=200 seconds=10 rounds=3`. The last table stands in docs/performance.md. Exits with 77 when the software cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for needed in node npm redis-server; do
    command -v "$needed" >/dev/null || { echo "SKIP  servers: $needed is not to be had"; exit 77; }
done
cp tests/peers/servers/* "$place"
npm install --silent --no-fund --no-audit --prefix "$place" >"$place/npm.log" 2>&1 || {
    echo "SKIP  servers: the packages cannot be installed"
    exit 77
}
echo "node $(node --version), $(node -p "
  Object.keys(require('$place/package.json').dependencies)
    .map((name) => name + ' ' + require('$place/node_modules/' + name + '/package.json').version).join(', ')")"
cargo bench --locked --bench servers -- "scripts=$place" "$@"
