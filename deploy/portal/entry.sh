#!/bin/sh
# Turns the files of /run/secrets into what the product reads, then becomes the given command.
#
# A file named like a variable becomes that variable. A PEM file is copied to where only this user reads it: what mounts
# secrets often lets a group read them, and the product refuses such a key.
set -eu
SECRETS=${SECRETS_FOLDER:-/run/secrets}
KEYS=${KEYS_FOLDER:-/run/keys}
umask 077

for file in "$SECRETS"/*; do
  [ -f "$file" ] || continue
  name=$(basename "$file")
  case $name in
    *.pem) cp "$file" "$KEYS/$name" && chmod 600 "$KEYS/$name" ;;
    GARRISON_* | DATABASE_URL | REDIS_URL) export "$name=$(cat "$file")" ;;
    *) echo "$name is no secret of the product" >&2 && exit 1 ;;
  esac
done
if [ -f "$KEYS/control.pem" ]; then export GARRISON_CONTROL_KEY="$KEYS/control.pem"; fi
if [ -f "$KEYS/access.pem" ]; then export GARRISON_ACCESS_KEY="$KEYS/access.pem"; fi
exec "$@"
