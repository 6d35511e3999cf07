"""The indexer's entry script, run against a folder that plays the official image."""

import json

import pytest
import yaml

from tests.images.node_root import COMMON, ENVIRONMENTS, PEM, SECRETS, NodeRoot, environment_of, terminated, wait_until

HOME = "/usr/share/wazuh-indexer"
SECURITY = f"{HOME}/config/opensearch-security"
DEMONSTRATION = ("kibanaro", "logstash", "readall", "snapshotrestore", "wazuh_admin", "wazuh_user")
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


@pytest.fixture
def indexer(root: NodeRoot):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer"))
    wait_until(lambda: "in place" in root.output, "the indexer is furnished")
    return root, process


def clustered(name: str = "indexer-0", **more: str) -> dict[str, str]:
    """What the Worker gives one of three."""
    given = {
        "discovery.type": "zen",
        "discovery.seed_hosts": "127.0.0.1:9310,127.0.0.1:9311,127.0.0.1:9312",
        "cluster.initial_cluster_manager_nodes": "indexer-0,indexer-1,indexer-2",
        "transport.publish_port": f"931{name[-1]}",
        "MESH_LISTEN": "9310=self:9300 9311=1 9312=2",
        "WATCH_SECONDS": "1",
    }
    both = PEM + PEM
    files = {"root-ca.pem": both, f"{name}.pem": PEM, f"{name}-key.pem": PEM.replace("CERTIFICATE", "PRIVATE KEY")}
    return environment_of("indexer", **{"NODE_NAME": name, "NODE_CERTIFICATES": json.dumps(files), **given, **more})


def start_clustered(root: NodeRoot, name: str = "indexer-0", **more: str):
    prepare(root)
    (root.folder / "cluster").write_text("200")
    return root.start("indexer/entry.sh", clustered(name, **more))


def written(root: NodeRoot) -> list[str]:
    """Paths of the calls that change something."""
    calls = [
        call for call in root.calls if call.startswith("curl") and "--request" in call and "--request GET" not in call
    ]
    return [call.rsplit("9200", 1)[1] for call in calls]


def rendered(root: NodeRoot, name: str) -> dict:
    return yaml.safe_load(root.text(f"{SECURITY}/{name}.yml"))


def test_it_serves_plain_http_without_mapping_memory(indexer):
    root, _ = indexer
    settings = yaml.safe_load(root.text(f"{HOME}/config/opensearch.yml"))
    assert settings["plugins.security.ssl.http.enabled"] is False
    assert settings["http.port"] == 9200
    assert settings["node.store.allow_mmap"] is False
    assert settings["discovery.type"] == "single-node"
    assert settings["plugins.security.allow_default_init_securityindex"] is True
    assert settings["plugins.security.ssl.transport.pemcert_filepath"] == "certs/indexer-0.pem"


def test_only_the_platforms_two_users_exist_with_the_tenants_passwords(indexer):
    root, _ = indexer
    users = rendered(root, "internal_users")
    assert set(users) - {"_meta"} == {"admin", "kibanaserver"}
    assert not set(DEMONSTRATION) & set(users)
    assert users["admin"]["hash"] == HASHES["INDEXER_PASSWORD"]
    assert users["kibanaserver"]["hash"] == HASHES["DASHBOARD_PASSWORD"]


def test_no_name_that_a_proxy_header_can_hold_is_mapped_to_the_platforms_roles(indexer):
    root, _ = indexer
    mapping = rendered(root, "roles_mapping")
    users = rendered(root, "internal_users")
    for role, user in (("all_access", "admin"), ("kibana_server", "kibanaserver")):
        (drawn,) = mapping[role]["backend_roles"]
        assert set(mapping[role]) <= {"reserved", "backend_roles", "description"}
        assert drawn.startswith("platform-")
        assert len(drawn) == len("platform-") + 32
        assert users[user]["backend_roles"] == [drawn]
    for role, mapped in mapping.items():
        if any(name.startswith("tenant_") for name in mapped.get("backend_roles", [])):
            assert role in ("kibana_user", "kibana_read_only", "tenant_reading")


def test_people_come_by_proxy_headers_and_may_read_only(indexer):
    root, _ = indexer
    dynamic = rendered(root, "config")["config"]["dynamic"]
    proxy = dynamic["authc"]["proxy_auth_domain"]
    assert proxy["http_authenticator"]["config"] == {"user_header": "x-proxy-user", "roles_header": "x-proxy-roles"}
    assert proxy["authentication_backend"]["type"] == "noop"
    assert dynamic["http"]["anonymous_auth_enabled"] is False
    assert dynamic["http"]["xff"]["enabled"] is True
    allowed = [
        action
        for rule in rendered(root, "roles")["tenant_reading"]["index_permissions"]
        for action in rule["allowed_actions"]
    ]
    assert not [
        action for action in allowed if any(word in action for word in ("write", "index ", "delete", "manage", "crud"))
    ]


def test_every_node_draws_other_names(indexer, other_root):
    root, other = indexer[0], prepare(other_root)
    other.start("indexer/entry.sh", environment_of("indexer"))
    wait_until(lambda: (other.folder / "up").exists(), "the other one runs")
    assert rendered(other, "roles_mapping")["all_access"] != rendered(root, "roles_mapping")["all_access"]


def test_certificates_lie_where_opensearch_looks_with_mode_400(indexer):
    root, _ = indexer
    assert root.text(f"{HOME}/config/certs/indexer-0.pem") == PEM
    assert root.mode(f"{HOME}/config/certs/indexer-0-key.pem") == 0o400
    assert any(call.startswith("chown -R 1000:0") for call in root.calls)


def test_alerts_can_make_no_index_before_the_template_is_there(indexer):
    root, _ = indexer
    assert yaml.safe_load(root.text(f"{HOME}/config/opensearch.yml"))["action.auto_create_index"] == "-wazuh-*,+*"
    assert written(root) == ["/_template/wazuh", "/_template/plan", "/_cluster/settings"]
    assert json.loads(root.text("tmp/opened.json")) == {"persistent": {"action.auto_create_index": "true"}}
    calls = [call for call in root.calls if call.startswith("python3") or "--request" in call]
    assert calls[2].endswith("state.py restore")
    assert calls[3].endswith("/_cluster/settings")
    plan = json.loads(root.text("tmp/indices.json"))
    assert plan["settings"] == {
        "index.number_of_shards": 2,
        "index.number_of_replicas": 0,
        "index.refresh_interval": "5s",
    }
    assert plan["order"] > 0, "over Wazuh's own template"


def test_no_secret_is_in_an_argument_a_log_or_opensearchs_environment(indexer):
    root, _ = indexer
    assert f'user = "admin:{ENVIRONMENTS["indexer"]["INDEXER_PASSWORD"]}"' in root.text("piped")
    for secret in SECRETS:
        assert secret not in "\n".join(root.calls)
        assert secret not in root.output
        assert secret not in root.text("seen")
    assert "PRIVATE KEY" not in root.text("seen") + root.text("state.seen")
    assert ENVIRONMENTS["indexer"]["DASHBOARD_PASSWORD"] not in root.text("state.seen")
    assert "OPENSEARCH_JAVA_OPTS=-Xms1g -Xmx1g" in root.text("seen")


def test_snapshots_go_to_the_edge_signed_with_what_is_no_secret(indexer):
    root, _ = indexer
    settings = yaml.safe_load(root.text(f"{HOME}/config/opensearch.yml"))
    assert "path.repo" not in settings
    place = {name.removeprefix("s3.client.default."): value for name, value in settings.items() if "s3." in name}
    assert place == {
        "endpoint": "http://repository.internal",
        "protocol": "http",
        "path_style_access": True,
        "region": "us-east-1",
    }
    stored = [call for call in root.calls if call.startswith("opensearch-keystore")]
    names = ("access_key", "secret_key")
    assert stored == [f"opensearch-keystore add --stdin --force s3.client.default.{name}" for name in names]
    assert set(root.text("stored").split()) == {"nobody-checks-this"}
    # What is put there as root has to belong to the user that OpenSearch runs as.
    assert root.calls.index(stored[-1]) < next(at for at, call in enumerate(root.calls) if call.startswith("chown -R"))


def test_a_keystore_that_takes_nothing_ends_the_node(root):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer", STORED="1"))
    assert process.wait(timeout=20) == 1
    assert "the keystore took no s3.client.default.access_key" in root.output


def test_it_runs_as_user_1000_and_ends_orderly(indexer):
    root, process = indexer
    assert any(call.startswith("chroot --userspec=1000:0") for call in root.calls)
    assert terminated(process) == 0
    assert (root.folder / "asked").exists()


def test_a_template_that_is_not_taken_ends_the_node(root):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer", STATUS="503"))
    assert process.wait(timeout=20) == 1
    assert "the template was not taken" in root.output


def test_what_could_not_be_restored_ends_the_node_before_alerts_can_make_an_index(root):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer", RESTORED="1"))
    assert process.wait(timeout=20) == 1
    assert "what was saved could not be restored" in root.output
    assert not [call for call in root.calls if "_cluster/settings" in call]


def test_what_is_there_already_is_fine(root):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer", STATUS="409"))
    wait_until(lambda: "in place" in root.output, "the indexer is furnished")
    assert terminated(process) == 0


@pytest.mark.parametrize(
    "name",
    [
        *("INDEXER_PASSWORD", "DASHBOARD_PASSWORD", "INDEX_SHARDS", "NODE_CERTIFICATES", "STATE_URL", "REPOSITORY_URL"),
        "TENANT_ID",
    ],
)
def test_a_missing_variable_ends_it_by_name(root, name):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer", **{name: ""}))
    assert process.wait(timeout=20) == 1
    assert name in root.output
    assert not (root.folder / "up").exists()


def test_a_hash_that_can_not_be_made_ends_it(root):
    prepare(root).program(f"{HOME}/plugins/opensearch-security/tools/hash.sh", "echo nothing of use")
    process = root.start("indexer/entry.sh", environment_of("indexer"))
    assert process.wait(timeout=20) == 1
    assert "no hash" in root.output


def test_one_alone_looks_for_nobody(indexer):
    root, _ = indexer
    settings = yaml.safe_load(root.text(f"{HOME}/config/opensearch.yml"))
    assert not [name for name in settings if name.startswith(("discovery.seed", "cluster.initial", "transport.p"))]
    assert rendered(root, "internal_users")["admin"]["reserved"] is True
    assert not (root.folder / "mesh.seen").exists()


def test_one_of_several_finds_the_others_through_the_mesh_and_is_found_there(root):
    start_clustered(root, "indexer-1")
    wait_until(lambda: (root.folder / "mesh.seen").exists(), "the mesh runs")
    settings = yaml.safe_load(root.text(f"{HOME}/config/opensearch.yml"))
    assert settings["cluster.name"] == COMMON["TENANT_ID"]
    assert settings["node.name"] == "indexer-1"
    assert settings["discovery.type"] == "zen"
    assert settings["discovery.seed_hosts"] == ["127.0.0.1:9310", "127.0.0.1:9311", "127.0.0.1:9312"]
    assert settings["cluster.initial_cluster_manager_nodes"] == ["indexer-0", "indexer-1", "indexer-2"]
    assert (settings["transport.publish_host"], settings["transport.publish_port"]) == ("127.0.0.1", 9311)
    assert settings["transport.port"] == 9300
    assert root.text(f"{HOME}/config/certs/root-ca.pem") == PEM + PEM
    for secret in SECRETS:
        assert secret not in root.text("mesh.seen")


def test_the_first_node_furnishes_a_cluster_that_was_formed_anew(root):
    start_clustered(root)
    wait_until(lambda: "in place" in root.output, "the cluster is furnished")
    assert written(root) == ["/_template/wazuh", "/_template/plan", "/_cluster/settings"]
    assert any(call.endswith("state.py restore") for call in root.calls)


def test_no_node_restores_into_a_cluster_that_lives(root):
    start_clustered(root, OPEN="true")
    wait_until(lambda: any(call.endswith("state.py serve") for call in root.calls), "it takes orders")
    assert "joined a cluster that lives" in root.output
    assert written(root) == ["/_template/wazuh", "/_template/plan"]
    assert not any(call.endswith("state.py restore") for call in root.calls)


def test_another_node_waits_until_the_cluster_is_furnished(root):
    process = start_clustered(root, "indexer-2")
    wait_until(lambda: sum("flat_settings" in call for call in root.calls) > 3, "it asked several times")
    assert process.poll() is None
    assert written(root) == []
    assert not any("state.py" in call for call in root.calls)


def test_new_passwords_are_brought_into_a_cluster_with_those_before(root):
    before = "Former.1-password"
    start_clustered(root, OPEN="true", SIGNED_IN="401", INDEXER_PASSWORD_BEFORE=before)
    wait_until(lambda: "joined" in root.output, "it joined")
    assert written(root)[0] == "/_plugins/_security/api/internalusers"
    assert f'user = "admin:{before}"' in root.text("piped")
    changes = {change["path"]: change["value"] for change in json.loads(root.text("tmp/users.json"))}
    assert changes == {
        "/admin/hash": HASHES["INDEXER_PASSWORD"],
        "/kibanaserver/hash": HASHES["DASHBOARD_PASSWORD"],
    }
    assert before not in root.text("seen") + root.output + "\n".join(root.calls)
    # A reserved user could not be changed.
    assert rendered(root, "internal_users")["admin"]["reserved"] is False


def test_a_node_that_lost_its_cluster_for_long_ends_to_begin_anew(root):
    process = start_clustered(root, OPEN="true", LONELY_SECONDS="3")
    wait_until(lambda: sum("/_cluster/health" in call for call in root.calls) > 1, "it watches")
    (root.folder / "cluster").write_text("503")
    assert process.wait(timeout=20) == 1
    assert "goes on without this node" in root.output


def test_a_node_that_has_not_met_its_cluster_yet_goes_on_waiting(root):
    prepare(root)
    (root.folder / "cluster").write_text("503")
    process = root.start("indexer/entry.sh", clustered(LONELY_SECONDS="1"))
    wait_until(lambda: sum("/_cluster/health" in call for call in root.calls) > 5, "it watches")
    assert process.poll() is None


def test_one_of_several_without_its_ways_ends_by_name(root):
    process = prepare(root).start("indexer/entry.sh", clustered(MESH_LISTEN=""))
    assert process.wait(timeout=20) == 1
    assert "MESH_LISTEN" in root.output
