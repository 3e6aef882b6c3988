#!/usr/bin/env bash
# Runs `wsbench gate` and says to the runner what came of it: outputs, annotations, and whether the step fails.
set -euo pipefail

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

for choice in "on-inconclusive=$ON_INCONCLUSIVE" "on-untrustworthy=$ON_UNTRUSTWORTHY"; do
    case ${choice#*=} in
        warn | fail) ;;
        *)
            output verdict error
            echo "::error title=wsbench::${choice%%=*} is either warn or fail"
            exit 2
            ;;
    esac
done

recording=$RUNNER_TEMP/wsbench-gate
result=$RUNNER_TEMP/wsbench-gate.json
rm -rf "$recording" "$result"
arguments=(gate "$SCENARIO" --base "$BASE" --new "$NEW" --record "$recording")
# Whatever the scenario says: what a missing verdict is to the job is decided below, from the exit code.
arguments+=(--inconclusive fail --untrustworthy fail)
# One --metric a line; a line without anything is none.
while IFS= read -r metric; do
    metric=${metric#"${metric%%[![:space:]]*}"}
    metric=${metric%"${metric##*[![:space:]]}"}
    [[ -z $metric ]] || arguments+=(--metric "$metric")
done <<<"${METRICS:-}"
[[ -z ${MAX_TIME:-} ]] || arguments+=(--max-time "$MAX_TIME")
[[ -z ${READY:-} ]] || arguments+=(--ready "$READY")

code=0
shown=$RUNNER_TEMP/wsbench-gate.txt
wsbench "${arguments[@]}" | tee "$shown" || code=${PIPESTATUS[0]}
# The job's page has the same words. Four spaces make them code, whatever is in them.
if [[ -s $shown && -n ${GITHUB_STEP_SUMMARY:-} ]]; then
    { echo; sed 's/^/    /' "$shown"; echo; } >>"$GITHUB_STEP_SUMMARY"
fi
if [[ -d $recording ]]; then output recording "$recording"; fi
# The recording judged again is the same report; its exit code says nothing new.
if [[ -f $recording/gate.json ]]; then
    wsbench gate --replay "$recording" --format json >"$result" || true
    if [[ -s $result ]]; then output result "$result"; fi
fi

# The last word: a verdict, how it is annotated, in what words, and with what status the step ends.
end() {
    output verdict "$1"
    [[ -z $2 ]] || echo "::$2 title=wsbench: $1::$3"
    exit "$4"
}

no_verdict() {
    if [[ $2 == warn ]]; then end "$1" warning "$3" 0; else end "$1" error "$3" "$code"; fi
}

case $code in
    0) end not-regressed "" "" 0 ;;
    98) end regressed error "the new build is slower than the base; the log has by how much" 98 ;;
    97) no_verdict inconclusive "$ON_INCONCLUSIVE" "too little time to tell the builds apart: raise max-time" ;;
    4) no_verdict untrustworthy "$ON_UNTRUSTWORTHY" "the runner disturbed the measurement; the log has how" ;;
    *) end error error "wsbench gate ended with $code; the log has why" "$code" ;;
esac
