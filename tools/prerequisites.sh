#!/bin/sh
# Checks what cannot be set up from inside the project: compilers and interpreters. Each one that is missing or too
# old is named with the command that installs it, all of them in one go.
#
#   tools/prerequisites.sh              what `make run` needs
#   tools/prerequisites.sh development  what `make check` and `make test` need on top
set -u

python=${PYTHON:-python3}
problems=0

# Debian 12 ships rustc 1.63, and next to it the newer rustc-web for its browsers; later releases are new enough.
rust_command='apt-get install -y rustc cargo'
if grep -qs 'VERSION_ID="12"' /etc/os-release; then
    rust_command='apt-get install -y rustc-web cargo-web'
fi
rust_command="$rust_command   (or, for all users of rustup: rustup update stable)"
node_command='apt-get install -y npm && npm install -g n && n 22'

complain() { # what, command
    problems=$((problems + 1))
    printf 'Missing: %s\n  install it with: %s\n' "$1" "$2" >&2
}

# The first "major.minor" in a program's version text; empty when the program is not there.
version_of() {
    "$@" 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1
}

at_least() { # found minimum, both "major.minor"
    [ -n "$1" ] || return 1
    [ "${1%%.*}" -gt "${2%%.*}" ] && return 0
    [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${1#*.}" -ge "${2#*.}" ]
}

require() { # name minimum found command
    at_least "$3" "$2" || complain "$1 $2 or newer (found: ${3:-none})" "$4"
}

require Python 3.11 "$(version_of "$python" --version)" 'apt-get install -y python3 python3-venv'
if command -v "$python" >/dev/null && ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    complain "the venv module of $python" 'apt-get install -y python3-venv'
fi
require Rust 1.85 "$(version_of rustc --version)" "$rust_command"
require Cargo 1.85 "$(version_of cargo --version)" "$rust_command"
command -v cc >/dev/null || complain 'a C compiler (cc)' 'apt-get install -y build-essential'
require Node.js 20.19 "$(version_of node --version)" "$node_command"
command -v npm >/dev/null || complain 'npm' "$node_command"

if [ "${1:-}" = development ]; then
    cargo fmt --version >/dev/null 2>&1 || complain 'rustfmt' 'rustup component add rustfmt'
    cargo clippy --version >/dev/null 2>&1 || complain 'clippy' 'rustup component add clippy'
    command -v c++ >/dev/null || complain 'a C++ compiler (c++)' 'apt-get install -y build-essential'
fi

if [ "$problems" -gt 0 ]; then
    printf 'Sluice needs the above; run the same make command again afterwards.\n' >&2
    exit 1
fi
