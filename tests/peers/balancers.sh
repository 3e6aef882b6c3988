#!/usr/bin/env bash
# nginx and HAProxy before two instances of Socket.IO: how the instances are told apart, and how clients are kept at one.
# The recipes of docs/instances.md, each as a claim. Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by
# tests/peers/run or by hand.
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

skip() {
    echo "SKIP  balancers: $1"
    exit 77
}
for needed in node npm apt-get dpkg-deb redis-server python3; do
    command -v "$needed" >/dev/null || skip "$needed is not to be had"
done
root=$(tests/peers/servers/install debian)/root || skip "the packages of Debian cannot be unpacked"
node=$(tests/peers/servers/install node) || skip "the packages of npm cannot be installed"
LD_LIBRARY_PATH=$(echo "$root"/usr/lib/*-linux-gnu*)
echo "# $("$root/usr/sbin/nginx" -v 2>&1), $(LD_LIBRARY_PATH=$LD_LIBRARY_PATH "$root/usr/sbin/haproxy" -v | head -1)"

mkfifo "$place/said"
TRANSPORTS=all tests/peers/servers/start socketio >"$place/said" &
children+=($!)
while read -r line; do
    case $line in
        A=*) a=${line#A=} ;;
        B=*) b=${line#B=} ;;
        '#'*) echo "$line" ;;
        ready) break ;;
    esac
done <"$place/said"
[[ -n ${a:-} && -n ${b:-} ]] || { echo "FAIL  balancers: the instances did not start"; exit 1; }

# Ports that were free a moment ago: neither can be told to take any.
mapfile -t ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(7)]
print(*(one.getsockname()[1] for one in held), sep="\n")')

# filled FILE PORT…: the configuration with the addresses put in.
filled() {
    local file=$1 n=0
    shift
    local changes=(-e "s/\bA\b/$a/" -e "s/\bB\b/$b/")
    for port in "$@"; do changes+=(-e "s/PORT_$((n += 1))/$port/"); done
    sed "${changes[@]}" "tests/peers/balancers/$file" >"$place/$file"
}
filled nginx.conf "${ports[@]:0:4}"
filled haproxy.cfg "${ports[@]:4:3}"
"$root/usr/sbin/nginx" -p "$place" -c nginx.conf -e stderr &
children+=($!)
LD_LIBRARY_PATH=$LD_LIBRARY_PATH "$root/usr/sbin/haproxy" -db -f "$place/haproxy.cfg" &
children+=($!)
for port in "${ports[@]}"; do
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        sleep 0.05
    done
done

cp tests/peers/balancers/check.mjs "$node/balancers.mjs"
timeout 60 node "$node/balancers.mjs" "$(IFS=,; echo "${ports[*]:0:4}")" "$(IFS=,; echo "${ports[*]:4:3}")" "$a" "$b"
