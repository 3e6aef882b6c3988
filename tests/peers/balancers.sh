#!/usr/bin/env bash
# nginx and HAProxy before two instances: how the instances are told apart, how clients are kept at one, what it costs.
# The recipes of docs/instances.md before Socket.IO, each as a claim; then GraphQL driven by wsbench, directly and through
# each. WSBENCH=PROGRAM takes a build that is there. Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by
# tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
children=()
fell() {
    [[ ${#children[@]} -eq 0 ]] || kill "${children[@]}" 2>/dev/null || true
    wait
    children=()
}
trap 'fell; rm -rf "$place"' EXIT

skip() {
    echo "SKIP  balancers: $1"
    exit 77
}
for needed in node npm apt-get dpkg-deb redis-server python3; do
    command -v "$needed" >/dev/null || skip "$needed is not to be had"
done
root=$(tests/peers/servers/install debian)/root || skip "the packages of Debian cannot be unpacked"
node=$(tests/peers/servers/install node) || skip "the packages of npm cannot be installed"
if [[ -n ${WSBENCH:-} ]]; then
    wsbench=$(realpath "$WSBENCH")
else
    cargo build --release --locked >&2
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi
libraries=$(echo "$root"/usr/lib/*-linux-gnu*)
haproxy() {
    LD_LIBRARY_PATH=$libraries exec "$root/usr/sbin/haproxy" "$@"
}
echo "# $("$root/usr/sbin/nginx" -v 2>&1), $(haproxy -v | head -1)"

# filled FILE PORT…: the configuration with the addresses put in.
filled() {
    local file=$1 n=0
    shift
    local changes=(-e "s/\bA\b/$a/" -e "s/\bB\b/$b/")
    for port in "$@"; do changes+=(-e "s/PORT_$((n += 1))/$port/"); done
    sed "${changes[@]}" "tests/peers/balancers/$file" >"$place/$file"
}

# raised SERVER: its instances at a and b, nginx before them at ports 0 to 3, HAProxy at 4 to 6.
raised() {
    local line
    rm -f "$place/said"
    mkfifo "$place/said"
    tests/peers/servers/start "$1" >"$place/said" &
    children+=($!)
    a='' b=''
    while read -r line; do
        case $line in
            A=*) a=${line#A=} ;;
            B=*) b=${line#B=} ;;
            '#'*) echo "$line" ;;
            ready) break ;;
        esac
    done <"$place/said"
    [[ -n $a && -n $b ]] || { echo "FAIL  balancers: the instances of $1 did not start"; exit 1; }

    # Ports that were free a moment ago: neither can be told to take any.
    mapfile -t ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(7)]
print(*(one.getsockname()[1] for one in held), sep="\n")')
    filled nginx.conf "${ports[@]:0:4}"
    filled haproxy.cfg "${ports[@]:4:3}"
    "$root/usr/sbin/nginx" -p "$place" -c nginx.conf -e stderr &
    children+=($!)
    haproxy -db -f "$place/haproxy.cfg" &
    children+=($!)
    for port in "${ports[@]}"; do
        for _ in $(seq 100); do
            (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
            sleep 0.05
        done
    done
}

failed=0
TRANSPORTS=all raised socketio
cp tests/peers/balancers/check.mjs "$node/balancers.mjs"
timeout 60 node "$node/balancers.mjs" "$(IFS=,; echo "${ports[*]:0:4}")" "$(IFS=,; echo "${ports[*]:4:3}")" "$a" "$b" || failed=1

# polled PORT: wsbench comes in by polling first through the balancer there.
polled() {
    "$wsbench" run scenarios/servers/socketio-polling.toml -q -e "A=127.0.0.1:$1" -e "B=127.0.0.1:$1" >"$place/said.txt" 2>&1
}
# judged CLAIM CODE: says whether it holds.
judged() {
    if [[ $2 -eq 0 ]]; then
        echo "PASS  $1"
    else
        echo "FAIL  $1"
        cat "$place/said.txt"
        failed=1
    fi
}
for way in "nginx, by cookie=${ports[3]}" "haproxy, by cookie=${ports[5]}"; do
    code=0
    polled "${way#*=}" || code=$?
    judged "wsbench comes in by polling first: ${way%=*}" "$code"
done
code=0
polled "${ports[1]}" && code=1
grep --quiet "Session ID unknown.*another instance was asked" "$place/said.txt" || code=1
judged "wsbench says that a client is not kept at one instance: nginx, in turn" "$code"
fell

# told RESULT: whether both instances are known by name, and every copy's way with them.
told() {
    python3 - "$1" <<'PY'
import json, sys
result = json.load(open(sys.argv[1]))
ways = {h["labels"]["hop"]: h["count"] for h in result["histograms"] if h["name"] == "delivery" and set(h["labels"]) == {"hop"}}
print("instances", result["instances"], "ways", ways)
sys.exit(0 if len(result["instances"]) == 2 and ways.get("cross", 0) > 0 and not ways.get("unknown") else 1)
PY
}

# driven NAME A B: the scenario of GraphQL towards these addresses.
driven() {
    local row
    if "$wsbench" run scenarios/servers/graphql.toml -q -e "A=$2" -e "B=$3" --out "json=$place/r.json" >"$place/said.txt" 2>&1 &&
        row=$(python3 tests/peers/servers/check.py calm "$1" "$place/r.json" 2>>"$place/said.txt") &&
        told "$place/r.json" >>"$place/said.txt"; then
        echo "PASS  everything arrives, and by which instance is known: $1"
        echo "$row" >>"$place/table"
    else
        echo "FAIL  everything arrives, and by which instance is known: $1"
        cat "$place/said.txt"
        failed=1
    fi
}
raised graphql
driven direct "$a" "$b"
driven nginx "127.0.0.1:${ports[1]}" "127.0.0.1:${ports[1]}"
driven "haproxy, by header" "127.0.0.1:${ports[4]}" "127.0.0.1:${ports[4]}"
driven "haproxy, by cookie" "127.0.0.1:${ports[5]}" "127.0.0.1:${ports[5]}"
printf '%s\n' '' "| way | due = delivered | p50 ms | p99 ms | everyone p99 ms | ack p50 ms |" "|---|---|---|---|---|---|"
cat "$place/table"
exit "$failed"
