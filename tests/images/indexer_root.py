"""A folder that plays the official indexer's disk and programs, and what was written there."""

import yaml

from tests.images.node_root import NodeRoot

HOME = "/usr/share/wazuh-indexer"
SECURITY = f"{HOME}/config/opensearch-security"
HASHES = {"INDEXER_PASSWORD": "$2y$12$" + "A" * 53, "DASHBOARD_PASSWORD": "$2y$12$" + "B" * 53}

STAY = """
trap 'touch "$NODE_ROOT/asked"; exit 0' TERM
env >"$NODE_ROOT/seen"
touch "$NODE_ROOT/up"
while :; do read -t 0.1 <> <(:) || :; done
"""
# The tool prints words around its hash; it is told the variable's name, never the password.
HASH = f"""
echo "** This tool will be deprecated in the next major release"
[[ $2 == INDEXER_PASSWORD ]] && echo '{HASHES["INDEXER_PASSWORD"]}'
[[ $2 == DASHBOARD_PASSWORD ]] && echo '{HASHES["DASHBOARD_PASSWORD"]}'
true
"""
# Runs the program inside the folder, as the real one would after it changed its root.
CHROOT = 'root=$2; shift 2; exec "${@:1:$#-1}" "$root${!#}"'
# Takes a value by the pipe, never as an argument.
KEYSTORE = 'cat >>"$NODE_ROOT/stored"; exit "${STORED:-0}"'
# Healthy from the third question on; a body goes to the folder, what comes by the pipe too.
CURL = """
[[ "$*" == *--config* ]] && cat >>"$NODE_ROOT/piped"
if [[ "$*" == *_security/health* ]]; then
  echo x >>"$NODE_ROOT/asked-health"
  [[ $(wc -l <"$NODE_ROOT/asked-health") -ge 3 ]]
  exit
fi
if [[ "$*" == *flat_settings* ]]; then
  printf '{"persistent":{"action.auto_create_index":"%s"}}' "${OPEN:-false}"
  exit
fi
[[ "$*" == *authinfo* ]] && STATUS=${SIGNED_IN:-200}
[[ "$*" == *"/_cluster/health"* ]] && { cat "$NODE_ROOT/cluster"; exit; }
printf '%s' "${STATUS:-200}"
"""
# What it does is in test_indexer_state.py; `serve` stays.
STATE = """
[[ $* == *"state.py restore" ]] && env >"$NODE_ROOT/state.seen"
[[ $* == "-m mesh" ]] && { env >"$NODE_ROOT/mesh.seen"; exec /bin/sleep 60; }
[[ $* == *"state.py restore" ]] && exit "${RESTORED:-0}"
exec /bin/sleep 60
"""


def prepare(root: NodeRoot) -> NodeRoot:
    root.program(f"{HOME}/bin/opensearch", STAY)
    root.program(f"{HOME}/plugins/opensearch-security/tools/hash.sh", HASH)
    root.program(f"{HOME}/bin/opensearch-keystore", KEYSTORE)
    root.program("stand-ins/chroot", CHROOT)
    root.program("stand-ins/curl", CURL)
    root.program("stand-ins/sleep", "exec /bin/sleep 0.01")
    root.program("stand-ins/python3", STATE)
    (root.folder / "tmp").mkdir()
    return root


def written(root: NodeRoot) -> list[str]:
    """Paths of the calls that change something."""
    calls = [
        call for call in root.calls if call.startswith("curl") and "--request" in call and "--request GET" not in call
    ]
    return [call.rsplit("9200", 1)[1] for call in calls]


def rendered(root: NodeRoot, name: str) -> dict:
    return yaml.safe_load(root.text(f"{SECURITY}/{name}.yml"))
