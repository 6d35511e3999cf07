"""The indexer's entry script as one of several: it joins a cluster, furnishes it, or leaves it."""

import json

import pytest
import yaml

from tests.images.indexer_root import HASHES, HOME, prepare, rendered, written
from tests.images.node_root import COMMON, PEM, SECRETS, NodeRoot, environment_of, wait_until


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
    process = start_clustered(root, "indexer-1", OPEN="true", LONELY_SECONDS="3")
    wait_until(lambda: sum("/_cluster/health" in call for call in root.calls) > 1, "it watches")
    (root.folder / "cluster").write_text("503")
    assert process.wait(timeout=20) == 1
    assert "goes on without this node" in root.output


@pytest.mark.parametrize(("name", "ends"), [("indexer-0", True), ("indexer-2", False)])
def test_the_node_that_a_new_cluster_waits_for_is_the_first_to_give_up_its_old_one(root, name, ends):
    process = start_clustered(root, name, OPEN="true", LONELY_SECONDS="15")
    asked = lambda: sum("/_cluster/health" in call for call in root.calls)  # noqa: E731
    wait_until(lambda: asked() > 1, "it met its cluster")
    (root.folder / "cluster").write_text("503")
    if ends:
        assert process.wait(timeout=10) == 1
        return
    before = asked()
    wait_until(lambda: asked() > before + 4, "it goes on watching")
    assert process.poll() is None


def test_a_node_that_has_not_met_its_cluster_yet_goes_on_waiting(root):
    prepare(root)
    (root.folder / "cluster").write_text("503")
    process = root.start("indexer/entry.sh", clustered("indexer-1", LONELY_SECONDS="1"))
    wait_until(lambda: sum("/_cluster/health" in call for call in root.calls) > 5, "it watches")
    assert process.poll() is None


def test_one_of_several_without_its_ways_ends_by_name(root):
    process = prepare(root).start("indexer/entry.sh", clustered(MESH_LISTEN=""))
    assert process.wait(timeout=20) == 1
    assert "MESH_LISTEN" in root.output
