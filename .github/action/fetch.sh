#!/usr/bin/env bash
# Brings the released wsbench for this runner, if there is one; `found` says whether, and action.yml builds it if not.
# A file that is not what its checksum says ends the job: that is never answered by trying something else.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

# GNU's name for it, or that of macOS.
hash_of() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

# The action's own sources name what a build of them may be kept under; a build is bound to the runner's C library.
sources=$(cd "$root" && find Cargo.* src scenarios reference-server -type f | LC_ALL=C sort | xargs cat | hash_of)
bin=$RUNNER_TEMP/wsbench/bin
output bin "$bin"
output key "wsbench-$RUNNER_OS-$RUNNER_ARCH-${ImageOS:-any}-$sources"

build_instead() {
    echo "::notice title=wsbench::$1; it is built from the action's sources instead"
    output found false
    exit 0
}

case $RUNNER_OS-$RUNNER_ARCH in
    Linux-X64) target=x86_64-unknown-linux-musl ;;
    Linux-ARM64) target=aarch64-unknown-linux-musl ;;
    macOS-X64) target=x86_64-apple-darwin ;;
    macOS-ARM64) target=aarch64-apple-darwin ;;
    *) build_instead "nothing is released for $RUNNER_OS on $RUNNER_ARCH" ;;
esac

version=${WSBENCH_VERSION:-v$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)}
release=https://github.com/wsbench/wsbench/releases/download/$version
archive=wsbench-$target.tar.gz
place=$(mktemp -d "$RUNNER_TEMP/wsbench-XXXXXX")
trap 'rm -rf "$place"' EXIT

bring() {
    curl --fail --silent --show-error --location --proto '=https' --retry 3 --max-time 300 \
        --output "$place/$1" "$release/$1"
}
if ! { bring SHA256SUMS && bring "$archive"; }; then
    build_instead "release $version could not be brought for $target"
fi

found=$(hash_of <"$place/$archive")
listed=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$place/SHA256SUMS")
expected=${WSBENCH_SHA256:-$listed}
if [[ -z $expected || $found != "$expected" ]]; then
    echo "::error title=wsbench::$archive of $version is not used: its SHA-256 is $found, not ${expected:-listed at all}"
    exit 1
fi

mkdir -p "$bin"
tar -xzf "$place/$archive" -C "$bin" wsbench
chmod 755 "$bin/wsbench"
output found true
