#!/usr/bin/env bash
# Finds a Python of at least 3.12, makes .venv and installs the hashed lock into it, whatever environment is active.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME

# ensurepip and venv are packages of their own on Debian and Ubuntu.
new_enough() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }

# Each candidate is run, not only looked up: version managers leave shims on the path that fail when called.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23]*/bin/python3 python3; do
    if [ -n "$candidate" ] && new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fetch_python
}

# No Python here is new enough: uv can bring one where the internet can be reached.
fetch_python() {
  local boot=.local/uv
  if ! { python3 -m venv "$boot" && install_uv "$boot/bin/pip" && "$boot/bin/uv" python install -q 3.12; } >/dev/null 2>&1; then
    echo "Garrison needs Python 3.12 or newer with venv: none was found and none could be downloaded." >&2
    echo "Install one (Debian, Ubuntu: python3.12-venv) and set PYTHON=/path/to/python3." >&2
    exit 1
  fi
  "$boot/bin/uv" python find 3.12
}

# uv by its own lines of the lock, hashes and all.
install_uv() {
  local lines
  lines=$(mktemp)
  awk '/^[^ ]/ { mine = /^uv==/ } mine' requirements-dev.txt >"$lines"
  "$1" install -q --disable-pip-version-check --no-deps --require-hashes -r "$lines"
  rm -f "$lines"
}

if ! new_enough .venv/bin/python; then
  python=$(find_python)
  echo "Python environment: .venv from $("$python" --version)" >&2
  rm -rf .venv
  "$python" -m venv .venv
fi
[ -x .venv/bin/uv ] || install_uv .venv/bin/pip
.venv/bin/uv pip sync -q --python .venv/bin/python --require-hashes --no-build requirements-dev.txt
