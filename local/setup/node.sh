#!/usr/bin/env bash
# Installs what the lock of the given folder names. Any Node of at least 20 may start it; worker/ then brings the pinned
# Node that everything else uses, as a package of the lock like any other. No package may run a script of its own.
set -euo pipefail
cd "$(dirname "$0")/../../$1"

major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/' || true)
if ! command -v npm >/dev/null || [ "${major:-0}" -lt 20 ]; then
  echo "Garrison needs Node.js 20 or newer with npm to start from (found: ${major:-none}). Install it and run the command again." >&2
  exit 1
fi
echo "Node packages: $1" >&2
npm ci --ignore-scripts --silent --no-audit --no-fund
