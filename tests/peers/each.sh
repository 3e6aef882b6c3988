#!/usr/bin/env bash
# A name with two addresses, a room server at each: with `resolve = "each"` both get half, without it one gets all.
# In a mount namespace with an /etc/hosts of its own, for which one must be root. WSBENCH=PROGRAM takes a build that is
# there. Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
children=()
stop() {
    [[ ${#children[@]} -eq 0 ]] || kill "${children[@]}" 2>/dev/null || true
    wait
    rm -rf "$place"
}
trap stop EXIT

{ cat /etc/hosts && printf '127.0.0.11 rooms.test\n127.0.0.12 rooms.test\n'; } >"$place/hosts"
with_hosts=(unshare --mount bash -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' bash "$place/hosts")
for needed in redis-server python3 curl unshare; do
    command -v "$needed" >/dev/null || { echo "SKIP  each: $needed is not to be had"; exit 77; }
done
"${with_hosts[@]}" true 2>/dev/null || { echo "SKIP  each: a mount namespace is not to be had"; exit 77; }
if [[ -n ${WSBENCH:-} ]]; then
    wsbench=$(realpath "$WSBENCH")
else
    cargo build --release --locked >&2
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi

# Ports that were free a moment ago, at all three addresses.
read -r redis port admin < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in held))')
export JWT_SECRET=a-secret-of-the-recordings-only-32b
redis-server --bind 127.0.0.1 --port "$redis" --save '' >/dev/null &
children+=($!)
for _ in $(seq 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$redis") 2>/dev/null && break
    sleep 0.05
done
for n in 11 12; do
    "$wsbench" serve --bind "127.0.0.$n" --port "$port" --admin-port "$admin" --redis "redis://127.0.0.1:$redis" \
        --jwt-secret-file <(echo -n "$JWT_SECRET") >"$place/$n.log" 2>&1 &
    children+=($!)
done
for n in 11 12; do
    for _ in $(seq 200); do
        curl --silent --fail "http://127.0.0.$n:$admin/readyz" >/dev/null && break
        sleep 0.05
    done
done

accepted() {
    curl --silent "http://127.0.0.$1:$admin/metrics" | awk '/^room_server_accepted_total/ { print int($2) }'
}

failed=0
# claim RESOLVE WANTED: runs twenty clients and looks at how many came to each; one more looks whether anybody is there.
claim() {
    local before=("$(accepted 11)" "$(accepted 12)") shares
    "${with_hosts[@]}" "$wsbench" run tests/peers/each/scenario.toml -q -e "PORT=$port" -e "RESOLVE=$1" >"$place/run.txt" 2>&1 ||
        { cat "$place/run.txt" "$place"/1?.log; failed=1; }
    shares="$(($(accepted 11) - before[0])) and $(($(accepted 12) - before[1]))"
    if [[ $shares == "$2" ]]; then
        echo "PASS  resolve = \"$1\": $shares of 21"
    else
        echo "FAIL  resolve = \"$1\": $shares of 21, not $2"
        failed=1
    fi
}
claim each "11 and 10"
claim first "21 and 0"
exit "$failed"
