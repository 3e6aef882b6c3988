#!/usr/bin/env bash
# Real servers, driven by the scenarios of scenarios/servers: everything due arrives, nothing comes that should not.
# Then again with three clients in ten cut off, who must all be back, and nobody else may miss anything. And servers with a
# known defect, which must be found.
# `NAME…` takes only these; WSBENCH=PROGRAM takes a build that is there. Prints PASS, FAIL or SKIP for each, then the tables
# that stand in docs/peers.md and what `wsbench compare` makes of three or more calm results, and exits with 0, 1 or 77. Run
# by tests/peers/run or by hand.
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

# Servers with a defect, and the scenarios that must find it.
declare -A broken=([article-as-printed]=article [graphql-apart]=graphql)

# driven WEATHER NAME SCENARIO: drives what was started, and judges.
driven() {
    local weather=$1 name=$2 code=0 row=
    local result=$place/$name.$weather.json said=$place/$name.$weather.txt
    "$wsbench" run "$3" -q "${given[@]}" --out "json=$result" >"$said" 2>&1 || code=$?
    # Such a run must fail; the judge knows how.
    [[ $weather != broken ]] || code=0
    row=$(python3 tests/peers/servers/check.py "$weather" "$name" "$result" 2>>"$said") || code=1
    if [[ $code -eq 0 ]]; then
        echo "PASS  $name, $weather ($software)"
    else
        echo "FAIL  $name, $weather ($software)"
        cat "$said" "$place/$name.log"
        failed=$((failed + 1))
    fi
    [[ -z $row ]] || echo "$row" >>"$place/$weather"
}

judge() {
    local name=$1 code=0
    local scenario=scenarios/servers/$name.toml
    started "$name" || code=$?
    if [[ $code -eq 77 ]]; then
        echo "SKIP  $name: $(tail -1 "$place/$name.log")"
        skipped=$((skipped + 1))
    elif [[ $code -ne 0 ]]; then
        echo "FAIL  $name: it did not start"
        cat "$place/$name.log"
        failed=$((failed + 1))
    elif [[ -n ${broken[$name]:-} ]]; then
        driven broken "$name" "scenarios/servers/${broken[$name]}.toml"
    else
        driven calm "$name" "$scenario"
        # The same clients and messages, a storm, and other rules; dialects are found beside the scenario.
        cp -r scenarios/servers/dialects "$place"
        { sed '/^\[thresholds\]/,$d' "$scenario" && cat tests/peers/servers/storm.toml; } >"$place/storm.toml"
        driven storm "$name" "$place/storm.toml"
    fi
    stop
}

# table WEATHER HEAD: the rows of that weather under their head.
table() {
    [[ -s $place/$1 ]] || return 0
    echo
    echo "$2"
    sed 's/|/|---/g; s/---$//' <<<"${2//[^|]/}"
    cat "$place/$1"
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
    names+=("${!broken[@]}")
fi
for name in "${names[@]}"; do judge "$name"; done
table calm "| server | due = delivered | p50 ms | p99 ms | everyone p99 ms | ack p50 ms |"
table storm "| server | missed | replayed | lost | down p95 ms |"
table broken "| server | due | delivered | lost | exit code |"
calm=("$place"/*.calm.json)
if [[ ${#calm[@]} -gt 2 ]]; then
    echo
    (cd "$place" && "$WSBENCH" compare --color never *.calm.json)
fi
[[ $failed -eq 0 ]] || exit 1
[[ $skipped -eq 0 ]] || exit 77
