#!/usr/bin/env bash
# Builds wsbench from the sources the action came with.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v cargo >/dev/null; then
    echo "::error title=wsbench::no release for this runner, and no cargo to build it: add a step that installs Rust"
    exit 3
fi
cargo install --locked --path "$here/../.." --root "$(dirname "$BIN")" --bin wsbench
