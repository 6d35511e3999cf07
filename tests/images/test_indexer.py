"""The indexer's entry script, run against a folder that plays the official image."""

import json

import pytest
import yaml

from tests.images.indexer_root import HASHES, HOME, prepare, rendered, written
from tests.images.node_root import ENVIRONMENTS, PEM, SECRETS, NodeRoot, environment_of, terminated, wait_until

DEMONSTRATION = ("kibanaro", "logstash", "readall", "snapshotrestore", "wazuh_admin", "wazuh_user")


@pytest.fixture
def indexer(root: NodeRoot):
    process = prepare(root).start("indexer/entry.sh", environment_of("indexer"))
    wait_until(lambda: "in place" in root.output, "the indexer is furnished")
    return root, process


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
