#!/bin/bash
# The dashboard: renders its two configurations from the environment, then becomes the server, which ends on SIGTERM.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=images/lib/node.sh
. "$HERE/../lib/node.sh"

HOME_FOLDER=$NODE_ROOT/usr/share/wazuh-dashboard

need NODE_NAME INDEXER_USERNAME INDEXER_PASSWORD WAZUH_API_URL API_USERNAME API_PASSWORD COOKIE_PASSWORD
# The server refuses a shorter one, long after the start.
((${#COOKIE_PASSWORD} >= 32)) || fail "COOKIE_PASSWORD must have 32 characters or more"

render "$HERE/opensearch_dashboards.yml" "$HOME_FOLDER/config/opensearch_dashboards.yml" 600
render "$HERE/wazuh.yml" "$HOME_FOLDER/data/wazuh/config/wazuh.yml" 600
# Both files hold what the server needs; what it starts needs no password.
unset INDEXER_PASSWORD API_PASSWORD COOKIE_PASSWORD NODE_CERTIFICATES

exec "$HOME_FOLDER/bin/opensearch-dashboards" -c "$HOME_FOLDER/config/opensearch_dashboards.yml"
