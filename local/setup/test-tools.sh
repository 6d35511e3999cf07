#!/usr/bin/env bash
# What only the tests need: a Postgres server and Chromium. Installed on Debian and Ubuntu by root, otherwise named.
set -euo pipefail
cd "$(dirname "$0")/../.."

have_postgres() { .venv/bin/python -c 'from local.postgres import find_binaries; find_binaries()' 2>/dev/null; }
have_chromium() { .venv/bin/python -c 'import sys; from tests.browser.chromium import found; sys.exit(not found())'; }

# Ubuntu has Chromium only as a snap, which does not run everywhere; Playwright brings its own where it can download.
install_chromium() {
  apt-get install -y -qq chromium >/dev/null 2>&1 || .venv/bin/playwright install --with-deps chromium
}

missing=()
have_postgres || missing+=(postgresql)
have_chromium || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing for the tests: ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  have_postgres || apt-get install -y -qq postgresql >/dev/null
  have_chromium || install_chromium
else
  echo "The tests need ${missing[*]}: install them (Debian: apt-get install ${missing[*]}; macOS: brew install ${missing[*]}) and run the command again." >&2
  exit 1
fi
