#!/bin/sh
# Prints the path of a cargo-fuzz: the installed one, or one built once into target/tools.
set -eu

if command -v cargo-fuzz; then
    exit 0
fi
tools=$(cd "$(dirname "$0")/.." && pwd)/target/tools
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
    cargo install cargo-fuzz --locked --quiet --root "$tools" >&2
fi
echo "$tools/bin/cargo-fuzz"
