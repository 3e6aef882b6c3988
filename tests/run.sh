#!/usr/bin/env bash
# Everything that is tested without foreign software: `cargo test`, with a redis-server at hand.
# What is asserted about time is not here; `.ci/run` runs it afterwards, alone on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."

install_redis() {
    local install=(apt-get install -y --no-install-recommends redis-server)
    if ! command -v apt-get >/dev/null; then
        echo "redis-server (or valkey-server) is needed on PATH: install it with this system's package manager" >&2
        exit 3
    fi
    local root=()
    if [[ $(id -u) -ne 0 ]]; then
        if ! sudo -n true 2>/dev/null; then
            echo "redis-server is needed; type this, then run me again:" >&2
            echo "    sudo apt-get update && sudo ${install[*]}" >&2
            exit 3
        fi
        root=(sudo -n)
    fi
    # The tests start their own; the package's service is not wanted.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    if ! { "${root[@]}" apt-get update -q && "${root[@]}" "${install[@]}"; } >&2; then
        echo "redis-server could not be installed; type: sudo apt-get update && sudo ${install[*]}" >&2
        exit 3
    fi
}

if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then
    install_redis
fi
exec cargo test --workspace --release --locked
