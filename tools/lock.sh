#!/bin/sh
# Writes requirements.lock (what the server needs) and requirements-dev.lock (what its developers need on top) from
# pyproject.toml: the newest versions that fit, as one `pip freeze` each. Versions only, never addresses: the lock files
# hold with any mirror.
set -eu

cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

requirements() { # a Python expression over `project`
    "$python" -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb')); print('\n'.join($1))"
}

"$python" -m venv "$work/venv"
requirements "project['project']['dependencies']" >"$work/runtime.txt"
"$work/venv/bin/pip" install --quiet --requirement "$work/runtime.txt"
"$work/venv/bin/pip" freeze >requirements.lock

requirements "project['dependency-groups']['development']" >"$work/development.txt"
"$work/venv/bin/pip" install --quiet --requirement "$work/development.txt" --constraint requirements.lock
"$work/venv/bin/pip" freeze >requirements-dev.lock
