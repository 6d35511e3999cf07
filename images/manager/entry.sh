#!/bin/bash
# The manager: its own configuration and credentials, Wazuh's daemons, Filebeat to the indexer, reports to the edge.
# Functions are called by name, which shellcheck does not see.
# shellcheck disable=SC2329
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=images/lib/node.sh
. "$HERE/../lib/node.sh"

OSSEC=$NODE_ROOT/var/ossec
# The official image copies what lies here over its own files at the start.
MOUNT=$NODE_ROOT/wazuh-config-mount
PYTHON=$OSSEC/framework/python/bin/python3
FILEBEAT=$NODE_ROOT/etc/filebeat/filebeat.yml
REGISTRY=$NODE_ROOT/var/lib/filebeat/registry/filebeat
ALERTS_FILE=$OSSEC/logs/alerts/alerts.json
# The edge destroys a node 30 seconds after it asked it to stop.
SHIP_SECONDS=8
WATCH_SECONDS=${WATCH_SECONDS:-15}
DAEMONS="wazuh-(remoted|analysisd|db|authd|apid)"
[[ ${CLUSTER_DISABLED:-} != no ]] || DAEMONS="wazuh-(remoted|analysisd|db|authd|apid|clusterd)"

configure() {
  render "$HERE/ossec.conf" "$MOUNT/etc/ossec.conf" 640
  if is_wazuh_5; then add_agents_https; fi
  render "$HERE/api.yaml" "$MOUNT/api/configuration/api.yaml" 640
  put "$MOUNT/etc/authd.pass" 640 "$AUTHD_PASSWORD"
  if [[ -n ${NODE_CERTIFICATES:-} ]]; then
    put_certificates "$MOUNT/certificates"
    mv "$MOUNT/certificates/$NODE_NAME.pem" "$MOUNT/etc/sslmanager.cert"
    mv "$MOUNT/certificates/$NODE_NAME-key.pem" "$MOUNT/etc/sslmanager.key"
    rm -rf "$MOUNT/certificates"
  fi
  bash "$NODE_ROOT/etc/cont-init.d/0-wazuh-init"
  own
  # Filebeat refuses a configuration that others may write.
  render "$HERE/filebeat.yml" "$FILEBEAT" 600
}

is_wazuh_5() { [[ ${WAZUH_VERSION:-4} =~ ^[5-9] ]]; }

# A file of settings may have several parts; this one is unknown to Wazuh 4.
add_agents_https() {
  render "$HERE/https.xml" "$MOUNT/etc/https.xml" 640
  cat "$MOUNT/etc/https.xml" >>"$MOUNT/etc/ossec.conf"
  rm "$MOUNT/etc/https.xml"
}

# The plain port that the edge reaches; the manager itself listens in TLS alone.
tls_hop() {
  HOP_LISTEN=0.0.0.0:1518 HOP_MANAGER=127.0.0.1:1517 PYTHONPATH=$HERE/../lib PYTHONDONTWRITEBYTECODE=1 \
    exec "${clean[@]}" -u API_PASSWORD "$PYTHON" -m tls_hop "$OSSEC/etc/sslmanager.cert"
}

# What was copied has the owner of the copier; the daemons run as `wazuh`.
own() {
  local file
  for file in ossec.conf authd.pass sslmanager.cert sslmanager.key; do
    [[ ! -e $OSSEC/etc/$file ]] || { chown root:wazuh "$OSSEC/etc/$file" && chmod 640 "$OSSEC/etc/$file"; }
  done
  chown root:wazuh "$OSSEC/api/configuration/api.yaml"
}

# The API's user gets this tenant's password; the users that come with Wazuh get random ones.
set_api_user() {
  local file=$OSSEC/api/configuration/admin.json code=0
  put "$file" 600 "{\"username\":\"$API_USERNAME\",\"password\":\"$API_PASSWORD\"}"
  "$PYTHON" "$OSSEC/framework/scripts/create_user.py" || code=$?
  rm -f "$file"
  ((code == 0)) || fail "the API's user could not be set"
}

# state ORDER: saves and restores.
state() {
  PYTHONPATH=$HERE/../lib exec "${clean[@]}" -u API_PASSWORD PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$HERE/state.py" "$1"
}

# A worker's way to its master, which its cluster daemon looks for on the loopback address.
mesh() {
  PYTHONPATH=$HERE/../lib exec "${clean[@]}" -u API_PASSWORD PYTHONDONTWRITEBYTECODE=1 "$PYTHON" -m mesh
}

# Where the tenant's plan lets machines enroll by Wazuh's own protocol: ends their TLS on 1515 and asks the edge.
enrolling() {
  PYTHONPATH=$HERE/../lib exec "${clean[@]}" -u API_PASSWORD PYTHONDONTWRITEBYTECODE=1 "$PYTHON" -m enrolling \
    "$OSSEC/etc/sslmanager.cert" "$OSSEC/etc/sslmanager.key"
}

# In the background, because a signal ends a wait at once but no command.
restore_state() {
  start state restore
  wait $! || fail "the state that was saved could not be put in place"
  CHILDREN=()
}

# Daemons are no children of this process, so that their end is seen only by asking.
watch_daemons() {
  local status
  while sleep "$WATCH_SECONDS"; do
    status=$("$OSSEC/bin/wazuh-control" status || true)
    [[ ! $status =~ $DAEMONS\ not\ running ]] || fail "a daemon of Wazuh ended: wazuh-${BASH_REMATCH[1]}"
  done
}

# Whether Filebeat's registry says that it has sent the whole file of alerts.
is_shipped() {
  [[ ! -s $ALERTS_FILE ]] || grep -qs "\"offset\":$(stat -c %s "$ALERTS_FILE")[,}]" "$REGISTRY"/*.json
}

# First whoever makes alerts, then, once they are sent, whoever sends them. What was counted is saved meanwhile.
drain() {
  "$OSSEC/bin/wazuh-control" stop || true
  [[ -z ${STATE_PID:-} ]] || kill -TERM "$STATE_PID" 2>/dev/null || true
  until_true "$SHIP_SECONDS" is_shipped || say "stopping with alerts that were not sent"
  end_children
}

: "${FILEBEAT_SSL_VERIFICATION_MODE:=none}"
export ALERTS_FILE FILEBEAT_SSL_VERIFICATION_MODE
need TENANT_ID NODE_NAME INDEXER_URL INDEXER_USERNAME INDEXER_PASSWORD API_USERNAME API_PASSWORD AUTHD_PASSWORD STATE_URL
if is_wazuh_5; then need AGENTS_PREFIX; fi
[[ ${WAZUH_CLUSTER_KEY:-} =~ ^[A-Za-z0-9]{32}$ ]] || fail "WAZUH_CLUSTER_KEY must be 32 letters and digits"

# What runs beside this script is within reach of the tenant's administrator, and gets no password that it does not use.
clean=(env -u INDEXER_PASSWORD -u AUTHD_PASSWORD -u WAZUH_CLUSTER_KEY -u NODE_CERTIFICATES)
configure
restore_state
# After it: what the environment gives wins over what was saved.
set_api_user
start state serve
STATE_PID=$!
if [[ -n ${MESH_LISTEN:-} ]]; then
  need MESH_URL
  start mesh
fi
[[ -z ${ENROLL_URL:-} ]] || start enrolling
"${clean[@]}" -u API_PASSWORD "$OSSEC/bin/wazuh-control" start
if is_wazuh_5; then start tls_hop; fi
start "${clean[@]}" -u API_PASSWORD "$NODE_ROOT/usr/share/filebeat/bin/filebeat" -e -c "$FILEBEAT" \
  -path.home "$NODE_ROOT/usr/share/filebeat" -path.config "$NODE_ROOT/etc/filebeat" \
  -path.data "$NODE_ROOT/var/lib/filebeat" -path.logs "$NODE_ROOT/var/log/filebeat"
start "${clean[@]}" "$PYTHON" "$HERE/report" "$ALERTS_FILE"
start watch_daemons
start tail -F "$OSSEC/logs/ossec.log"
serve
