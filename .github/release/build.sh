#!/usr/bin/env bash
# Builds TARGET's archive into dist/: the binary, the licence, the README. With TAG's version or not at all.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [[ ${GITHUB_REF_TYPE:-} == tag && $GITHUB_REF_NAME != "v$version" ]]; then
    echo "the tag is $GITHUB_REF_NAME, and Cargo.toml says $version: make them the same" >&2
    exit 1
fi

if [[ $TARGET == *-musl ]]; then
    # The cryptography has C in it.
    export "CC_${TARGET//-/_}=musl-gcc"
fi
CARGO_PROFILE_RELEASE_STRIP=debuginfo cargo build --release --locked --bin wsbench --target "$TARGET"
binary=${CARGO_TARGET_DIR:-target}/$TARGET/release/wsbench

# What cannot run on this machine is of the other architecture of the same system.
if [[ $TARGET == "$(uname -m | sed 's/^arm64$/aarch64/')"-* ]]; then
    said=$("$binary" --version)
    if [[ $said != "wsbench $version" ]]; then
        echo "$binary says that it is $said, not wsbench $version" >&2
        exit 1
    fi
    # It works; how fast, a runner with neighbours cannot say.
    "$binary" probe @quickstart
fi
if [[ $TARGET == *-musl ]] && readelf --program-headers "$binary" | grep -q INTERP; then
    echo "$binary is not static" >&2
    exit 1
fi

mkdir -p dist
tar -czf "dist/wsbench-$TARGET.tar.gz" -C "$(dirname "$binary")" wsbench -C "$PWD" LICENSE README.md
