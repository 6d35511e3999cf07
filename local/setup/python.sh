#!/usr/bin/env bash
# Finds a Python of at least 3.12, makes .venv and installs the hashed lock into it.
set -euo pipefail
cd "$(dirname "$0")/../.."

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }

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
  if ! { python3 -m venv "$boot" && "$boot/bin/pip" install -q uv && "$boot/bin/uv" python install -q 3.12; } >/dev/null 2>&1; then
    echo "Garrison needs Python 3.12 or newer: none was found and none could be downloaded. Install one and set PYTHON=/path/to/python3." >&2
    exit 1
  fi
  "$boot/bin/uv" python find 3.12
}

if ! new_enough .venv/bin/python; then
  python=$(find_python)
  echo "Python environment: .venv from $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv
fi
uv_pin=$(grep -oE '^uv==[0-9.]+' requirements-dev.txt)
[ -x .venv/bin/uv ] || .venv/bin/pip install -q --disable-pip-version-check "$uv_pin" 2>/dev/null || .venv/bin/pip install -q "$uv_pin"
.venv/bin/uv pip sync -q --require-hashes --no-build requirements-dev.txt
