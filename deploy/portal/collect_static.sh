#!/bin/sh
# Collects the static files while the image is built. Settings want a whole environment, of which nothing is used here: no
# connection is made, and no value outlives the command.
set -eu
zeros=0000000000000000000000000000000000000000000000000000000000000000
GARRISON_ENV=production \
GARRISON_BASE_URL=https://build.invalid \
GARRISON_SECRET_KEY=$zeros \
DATABASE_URL=postgres://build@build.invalid/build \
REDIS_URL=redis://build.invalid \
GARRISON_CELL_ID_KEYS="{\"aa\": \"$zeros\"}" \
GARRISON_FIELD_KEYS='{"current": "build", "keys": {"build": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}' \
GARRISON_AUDIT_KEY=$zeros \
GARRISON_MAIL_FROM=build@build.invalid \
GARRISON_DATA_DIR=${GARRISON_DATA_DIR:-/app/data} \
  python manage.py collectstatic --noinput
