#!/bin/bash
# The indexer: its own certificates, users and roles; OpenSearch as user 1000; then templates and what was saved.
# Templates read variables by name, and functions are called by name: shellcheck sees neither.
# shellcheck disable=SC2016,SC2034,SC2329
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=images/lib/node.sh
. "$HERE/../lib/node.sh"

HOME_FOLDER=$NODE_ROOT/usr/share/wazuh-indexer
CONFIG=$HOME_FOLDER/config
NODE_USER=1000
READY_SECONDS=600
# One that the cluster goes on without ends, to come back with an empty disk: what it alone holds the edge has as well. The first
# one waits for a fifth of it: only it furnishes a cluster, and one that the others formed anew serves nobody before.
LONELY_SECONDS=${LONELY_SECONDS:-300}
WATCH_SECONDS=${WATCH_SECONDS:-15}

# given NAME DEFAULT: a variable whose name has dots, which no shell can read by itself.
given() { printenv "$1" || printf '%s' "$2"; }

# hash_of NAME: the bcrypt hash of that variable's value, which appears in no argument.
hash_of() {
  local hash
  hash=$(OPENSEARCH_JAVA_HOME=$HOME_FOLDER/jdk bash "$HOME_FOLDER/plugins/opensearch-security/tools/hash.sh" -env "$1" |
    grep -E '^\$2[aby]\$[0-9]{2}\$[A-Za-z0-9./]{53}$' | tail -n 1) || fail "no hash could be made of $1"
  printf '%s' "$hash"
}

# drawn: a name that nobody outside this container knows.
drawn() { printf 'platform-%s' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"; }

render_security() {
  local file
  ADMIN_HASH=$(hash_of INDEXER_PASSWORD)
  DASHBOARD_HASH=$(hash_of DASHBOARD_PASSWORD)
  PLATFORM_ROLE=$(drawn)
  DASHBOARD_ROLE=$(drawn)
  for file in config internal_users roles roles_mapping; do
    render "$HERE/security/$file.yml" "$CONFIG/opensearch-security/$file.yml" 600
  done
}

# put_signature: what the plugin signs its requests to the repository with. It refuses to sign with nothing; nobody checks.
put_signature() {
  local name
  for name in access_key secret_key; do
    printf 'nobody-checks-this\n' | OPENSEARCH_JAVA_HOME=$HOME_FOLDER/jdk OPENSEARCH_PATH_CONF=$CONFIG \
      "$HOME_FOLDER/bin/opensearch-keystore" add --stdin --force "s3.client.default.$name" >&2 ||
      fail "the keystore took no s3.client.default.$name"
  done
}

# as_admin ARGUMENTS...: curl as the administrator. The password goes in by a pipe.
as_admin() {
  printf 'user = "admin:%s"\n' "${PASSWORD:-$INDEXER_PASSWORD}" | curl --silent --max-time 30 --config - "$@"
}

# call METHOD PATH [BODY FILE]: the answer is the status alone.
call() {
  local method=$1 path=$2 body=()
  [[ $# -lt 3 ]] || body=(--data-binary "@$3" --header "content-type: application/json")
  as_admin --output /dev/null --write-out '%{http_code}' --request "$method" "${body[@]}" "http://127.0.0.1:9200$path"
}

# takes METHOD PATH FILE: true where the indexer holds it now, or held it already.
takes() {
  local status
  status=$(call "$@") || return 1
  [[ $status == 2?? || $status == 409 ]]
}

healthy() { curl --silent --fail --output /dev/null --max-time 2 http://127.0.0.1:9200/_plugins/_security/health; }

# state ORDER: saves and restores through OpenSearch's own API, with the administrator's password and no other secret.
state() {
  PYTHONPATH=$HERE/../lib exec env -u INDEXER_PASSWORD_BEFORE -u DASHBOARD_PASSWORD -u NODE_CERTIFICATES PYTHONDONTWRITEBYTECODE=1 \
    python3 "$HERE/state.py" "$1"
}

# mesh: the ways to the other nodes.
mesh() {
  PYTHONPATH=$HERE/../lib exec env -u INDEXER_PASSWORD -u INDEXER_PASSWORD_BEFORE -u DASHBOARD_PASSWORD -u NODE_CERTIFICATES \
    PYTHONDONTWRITEBYTECODE=1 python3 -m mesh
}

clustered() { [[ $DISCOVERY_TYPE != single-node ]]; }

# is_open: true where alerts can make their indices already, which stays with a cluster whatever node comes or goes.
is_open() {
  as_admin --fail "http://127.0.0.1:9200/_cluster/settings?flat_settings=true" |
    grep -Eq '"action.auto_create_index" *: *"true"'
}

# Users and passwords are the cluster's, kept in an index: whoever comes with new ones brings them in with the old ones.
take_passwords() {
  local users=$NODE_ROOT/tmp/users.json status
  status=$(call GET /_plugins/_security/authinfo) || return 1
  [[ $status == 401 && -n ${INDEXER_PASSWORD_BEFORE:-} ]] || return 0
  put "$users" 600 "[{\"op\":\"replace\",\"path\":\"/admin/hash\",\"value\":\"$ADMIN_HASH\"},
    {\"op\":\"replace\",\"path\":\"/kibanaserver/hash\",\"value\":\"$DASHBOARD_HASH\"}]"
  PASSWORD=$INDEXER_PASSWORD_BEFORE takes PATCH /_plugins/_security/api/internalusers "$users"
}

# templates: what holds for indices that are made from now on.
templates() {
  until_true 60 takes PUT /_template/wazuh "$HERE/wazuh-template.json" || fail "the template was not taken"
  until_true 60 takes PUT /_template/plan "$NODE_ROOT/tmp/indices.json" || fail "the plan's settings were not taken"
}

# The cluster's first node furnishes it, once; any other node waits for that.
furnish_or_join() {
  until_true "$READY_SECONDS" healthy || fail "the indexer did not become healthy"
  ! clustered || until_true 60 take_passwords || fail "the passwords were not taken"
  if clustered && is_open; then
    templates
    say "joined a cluster that lives"
  elif clustered && [[ $NODE_NAME != indexer-0 ]]; then
    until_true "$READY_SECONDS" is_open || fail "nobody furnished the cluster"
  else
    furnish
  fi
}

# watch_cluster: ends a node that had a cluster and is without a manager of it for long.
watch_cluster() {
  local met="" lonely=0 patience=$LONELY_SECONDS
  [[ $NODE_NAME != indexer-0 ]] || patience=$((LONELY_SECONDS / 5))
  while sleep "$WATCH_SECONDS"; do
    case $(call GET "/_cluster/health?cluster_manager_timeout=5s" || true) in
      503) [[ -z $met ]] || lonely=$((lonely + WATCH_SECONDS)) ;;
      2??) met=yes lonely=0 ;;
    esac
    ((lonely < patience)) || fail "the cluster goes on without this node, or not at all"
  done
}

# Alerts wait in the edge's journal until this is through: only then may their indices come into being.
furnish() {
  local opened=$NODE_ROOT/tmp/opened.json
  put "$opened" 600 '{"persistent":{"action.auto_create_index":"true"}}'
  templates
  # Before alerts can make an index: one that exists can't be restored.
  (state restore) || fail "what was saved could not be restored"
  until_true 60 takes PUT /_cluster/settings "$opened" || fail "alerts can't make their indices"
  say "templates are in place"
}

# A node that can't be furnished ends, visibly; one that is takes orders to save.
furnish_and_save() {
  furnish_or_join
  state serve
}

need TENANT_ID NODE_NAME INDEXER_PASSWORD DASHBOARD_PASSWORD INDEX_SHARDS INDEX_REPLICAS INDEX_REFRESH_SECONDS STATE_URL REPOSITORY_URL
[[ -n ${NODE_CERTIFICATES:-} ]] || fail "NODE_CERTIFICATES is not set"
DISCOVERY_TYPE=$(given discovery.type single-node)
ALLOW_MMAP=$(given node.store.allow_mmap false)
INIT_SECURITY=$(given plugins.security.allow_default_init_securityindex true)
RESERVED=true
if clustered; then
  need MESH_URL
  [[ -n ${MESH_LISTEN:-} ]] || fail "MESH_LISTEN is not set"
  SEED_HOSTS=$(given discovery.seed_hosts "")
  INITIAL_NODES=$(given cluster.initial_cluster_manager_nodes "")
  PUBLISH_PORT=$(given transport.publish_port "")
  # Nobody else's REST API changes a reserved user, and there is no other way to a cluster's new passwords.
  RESERVED=false
fi
export DISCOVERY_TYPE ALLOW_MMAP INIT_SECURITY SEED_HOSTS INITIAL_NODES PUBLISH_PORT RESERVED

put_certificates "$CONFIG/certs"
[[ -f $CONFIG/certs/$NODE_NAME.pem ]] || fail "NODE_CERTIFICATES holds no certificate of $NODE_NAME"
render "$HERE/opensearch.yml" "$CONFIG/opensearch.yml" 600
if clustered; then
  render "$HERE/cluster.yml" "$NODE_ROOT/tmp/cluster.yml" 600
  cat "$NODE_ROOT/tmp/cluster.yml" >>"$CONFIG/opensearch.yml"
fi
render "$HERE/indices.json" "$NODE_ROOT/tmp/indices.json" 600
render_security
put_signature
chown -R "$NODE_USER:0" "$CONFIG"

# OpenSearch gets neither passwords nor certificates in its environment: it has their hashes, and the files.
if clustered; then start mesh; fi
start chroot --userspec="$NODE_USER:0" "${NODE_ROOT:-/}" env -u INDEXER_PASSWORD -u INDEXER_PASSWORD_BEFORE -u DASHBOARD_PASSWORD \
  -u NODE_CERTIFICATES OPENSEARCH_PATH_CONF=/usr/share/wazuh-indexer/config OPENSEARCH_JAVA_HOME=/usr/share/wazuh-indexer/jdk \
  /usr/share/wazuh-indexer/bin/opensearch
start furnish_and_save
if clustered; then start watch_cluster; fi
serve
