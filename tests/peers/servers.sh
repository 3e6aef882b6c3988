#!/usr/bin/env bash
# Real servers, driven by the scenarios of scenarios/servers: everything due arrives, nothing comes that should not.
# `NAME…` takes only these; WSBENCH=PROGRAM takes a build that is there. Prints PASS, FAIL or SKIP for each, then the table
# that stands in docs/peers.md, and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || { kill "$server" 2>/dev/null && wait "$server"; } || true
    server=
}
trap 'stop; rm -rf "$place"' EXIT
failed=0 skipped=0

# started NAME: starts it; `given` is what wsbench needs to be told, `software` what it is.
started() {
    local line
    given=() software=
    rm -f "$place/said"
    mkfifo "$place/said"
    tests/peers/servers/start "$1" >"$place/said" 2>"$place/$1.log" &
    server=$!
    exec {said}<"$place/said"
    while read -r -t 120 -u "$said" line; do
        case $line in
            [AB]=*) given+=(-e "$line") ;;
            '# '*) software=${line#'# '} ;;
            ready) return 0 ;;
        esac
    done
    local code=0
    wait "$server" || code=$?
    server=
    return "$code"
}

judge() {
    local name=$1 code=0 row=
    local scenario=scenarios/servers/$name.toml result=$place/$name.json
    started "$name" || code=$?
    if [[ $code -eq 77 ]]; then
        echo "SKIP  $name: $(tail -1 "$place/$name.log")"
        skipped=$((skipped + 1))
        return
    fi
    if [[ $code -eq 0 ]] && "$wsbench" run "$scenario" -q "${given[@]}" --out "json=$result" >"$place/$name.txt" 2>&1 &&
        row=$(python3 tests/peers/servers/check.py "$name" "$result" 2>"$place/$name.why"); then
        echo "PASS  $name ($software)"
    else
        echo "FAIL  $name ($software): $(cat "$place/$name.why" 2>/dev/null)"
        cat "$place/$name.log" "$place/$name.txt" 2>/dev/null || true
        failed=$((failed + 1))
    fi
    [[ -z $row ]] || echo "$row" >>"$place/table"
    stop
}

for needed in node npm redis-server python3; do
    command -v "$needed" >/dev/null || { echo "SKIP  servers: $needed is not to be had"; exit 77; }
done
if [[ -n ${WSBENCH:-} ]]; then
    wsbench=$WSBENCH
else
    cargo build --release --locked >&2
    wsbench=${CARGO_TARGET_DIR:-target}/release/wsbench
fi
WSBENCH=$(realpath "$wsbench")
export WSBENCH
names=("$@")
if [[ $# -eq 0 ]]; then
    for scenario in scenarios/servers/*.toml; do names+=("$(basename "$scenario" .toml)"); done
fi
for name in "${names[@]}"; do judge "$name"; done
if [[ -s $place/table ]]; then
    echo "| server | due = delivered | p50 ms | p99 ms | everyone p99 ms | ack p50 ms |"
    echo "|---|---|---|---|---|---|"
    cat "$place/table"
fi
[[ $failed -eq 0 ]] || exit 1
[[ $skipped -eq 0 ]] || exit 77
