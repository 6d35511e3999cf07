#!/bin/bash
# Builds the nodes' images where a Docker engine answers, and pushes them to the account's registry when told to.
#
#   images/build.sh            builds wazuh-manager, wazuh-indexer, wazuh-dashboard and wazuh-certs
#   images/build.sh --push     and pushes them; prints the digests that a deployment file takes
#
# WAZUH_VERSION chooses another release; `wrangler` must be signed in to push.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
VERSION=${WAZUH_VERSION:-4.14.7}

docker info >/dev/null 2>&1 || { echo "No Docker engine answers: nothing was built." >&2; exit 1; }
for role in manager indexer dashboard certs; do
  docker build --platform linux/amd64 --build-arg "WAZUH_VERSION=$VERSION" -f "$role/Dockerfile" -t "wazuh-$role:$VERSION" .
  [[ ${1:-} != --push ]] || wrangler containers push "wazuh-$role:$VERSION"
done
docker image inspect --format '{{.RepoTags}} {{.RepoDigests}}' wazuh-{manager,indexer,dashboard,certs}:"$VERSION"
