#!/bin/sh
# Brings a machine with a Wazuh agent into a tenant. Usage: sudo sh enroll.sh EDGE_ADDRESS
#
#   1. asks for the enrollment token, or reads it from $TOKEN_FILE (root's, mode 0600), which it wipes afterwards
#   2. asks the edge for an identity; the token travels in the request's body, never in an argument or address
#   3. gives the identity to the agent and installs the connector, whose credential is in a file that only root reads
#
# With MOVE=yes it takes a machine that is enrolled already to another tenant, under the name that it has; what it was is kept
# beside the new, in client.keys.before.
#
# An answer that was lost costs nothing: run it again, and the edge answers the same enrollment the same way.
# $ROOT (empty by default) is put before every path, for trying it out in a folder.
set -eu
umask 077

EDGE=${1:?usage: sh enroll.sh EDGE_ADDRESS}
ROOT=${ROOT:-}
KEYS=$ROOT/var/ossec/etc/client.keys
BEGUN=$ROOT/var/ossec/etc/enrollment.id
CONNECTOR=$ROOT/etc/wazuh-connector.env
UNIT=$ROOT/etc/systemd/system/wazuh-connector.service
MOVE=${MOVE:-}
NAME=${NAME:-$(hostname)}

fail() { echo "enroll: $1" >&2; exit 1; }

token() {
  if [ -n "${TOKEN_FILE:-}" ]; then cat "$TOKEN_FILE"; return; fi
  printf 'Enrollment token: ' >/dev/tty
  stty -echo </dev/tty
  read -r typed </dev/tty
  stty echo </dev/tty
  echo >/dev/tty
  printf %s "$typed"
}

# One text field of the flat parts of the answer; the edge sends no quotes inside of them.
field() { printf %s "$ANSWER" | sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p"; }
connector_field() { printf %s "$ANSWER" | sed -nE "s/.*\"connector\":\{[^}]*\"$1\":\"([^\"]*)\".*/\1/p"; }

command -v curl >/dev/null || fail "curl is needed"
[ -d "$(dirname "$KEYS")" ] || fail "no Wazuh agent is installed here ($(dirname "$KEYS") is missing)"
if [ -n "$MOVE" ]; then
  [ -s "$KEYS" ] || fail "this machine is not enrolled, so there is nothing to move. Nothing was changed"
  NAME=$(cut -d ' ' -f 2 "$KEYS" | head -n 1)
else
  [ ! -s "$KEYS" ] || fail "this machine is enrolled already: $KEYS is not empty. Nothing was changed"
fi
case $NAME in *[!A-Za-z0-9._-]*) fail "the name '$NAME' holds more than letters, digits, dot, dash, underscore" ;; esac

[ -s "$BEGUN" ] || { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen; } >"$BEGUN"
SECRET=$(token)
# The machine's own clock: one that is far off is told so, instead of an agent whose alerts nobody finds.
BODY=$(printf '{"token":"%s","enrollment_id":"%s","name":"%s","sent_at":"%s"}' "$SECRET" "$(cat "$BEGUN")" "$NAME" \
  "$(date -u +%Y-%m-%dT%H:%M:%SZ)")
if ! ANSWER=$(printf %s "$BODY" | curl -sS --fail-with-body -H 'content-type: application/json' --data-binary @- "$EDGE/api/agents/enroll"); then
  [ -n "$ANSWER" ] || fail "the edge did not answer. Run this again: the same enrollment is taken up"
  rm -f "$BEGUN"
  fail "the edge refused: $(field message) $(field hint)"
fi

case $(field agent_id),$(field key) in ,* | *,) fail "the edge answered something unexpected. Nothing was changed" ;; esac
ADDRESS=$(field manager_url | sed -E 's/^ws/http/')
CLOUDFLARED=$(command -v cloudflared || echo /usr/local/bin/cloudflared)
[ -z "$MOVE" ] || cp -p "$KEYS" "$KEYS.before"
mkdir -p "$(dirname "$CONNECTOR")" "$(dirname "$UNIT")"
printf 'TUNNEL_SERVICE_TOKEN_ID=%s\nTUNNEL_SERVICE_TOKEN_SECRET=%s\n' "$(connector_field id)" "$(connector_field secret)" >"$CONNECTOR"
cat >"$UNIT" <<EOF
[Unit]
Description=Carries the Wazuh agent's connection to its tenant over port 443
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=/etc/wazuh-connector.env
ExecStart=$CLOUDFLARED access tcp --hostname $ADDRESS --url 127.0.0.1:1514
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
printf '%s %s any %s\n' "$(field agent_id)" "$NAME" "$(field key)" >"$KEYS"
rm -f "$BEGUN"
[ -z "${TOKEN_FILE:-}" ] || rm -f "$TOKEN_FILE"
echo "Enrolled as $NAME, agent $(field agent_id)."

[ -z "$ROOT" ] || exit 0
chown root:wazuh "$KEYS"
chmod 640 "$KEYS"
if command -v systemctl >/dev/null; then
  chmod 644 "$UNIT"
  systemctl daemon-reload
  systemctl enable --now wazuh-connector
  [ -z "$MOVE" ] || systemctl restart wazuh-connector wazuh-agent
else
  echo "Start a connector with $CONNECTOR as its environment: $CLOUDFLARED access tcp --hostname $ADDRESS --url 127.0.0.1:1514"
fi
[ -z "$MOVE" ] || { echo "Moved. The old identity is in $KEYS.before until you remove it."; exit 0; }
echo "Now set <address>127.0.0.1</address>, <port>1514</port>, <protocol>tcp</protocol> in ossec.conf and restart wazuh-agent."
