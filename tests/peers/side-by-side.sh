#!/usr/bin/env bash
# Room servers side by side: the bundled one, Hono + ioredis, Socket.IO with its Redis adapter.
# Two instances of each, the same clients, the same work. Arguments go to the bench: `only=bundled|article|socketio
# clients=1000 rooms=20 rate=200 seconds=10 rounds=3`. The last table stands in docs/performance.md. Exits with 77 when the software cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

for needed in node npm redis-server; do
    command -v "$needed" >/dev/null || { echo "SKIP  side-by-side: $needed is not to be had"; exit 77; }
done
place=$(tests/peers/servers/install node) || { echo "SKIP  side-by-side: the packages cannot be installed"; exit 77; }
echo "node $(node --version), $(node -p "
  ['@hono/node-server', '@hono/node-ws', '@socket.io/redis-adapter', 'hono', 'ioredis', 'socket.io']
    .map((name) => name + ' ' + require('$place/node_modules/' + name + '/package.json').version).join(', ')")"
cargo bench --locked --bench servers -- "scripts=$place" "$@"
