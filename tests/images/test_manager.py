"""The manager's entry script, run against a folder that plays the official image."""

import json
import xml.etree.ElementTree as ET

import pytest
import yaml

from tests.images.node_root import COMMON, ENVIRONMENTS, PEM, SECRETS, NodeRoot, environment_of, terminated, wait_until

OSSEC = "/var/ossec"
GIVEN = ENVIRONMENTS["manager"]
STAY = """
trap 'echo "{name} ends" >>"$NODE_ROOT/order"; exit 0' TERM
env >"$NODE_ROOT/{name}.seen"
while :; do read -t 0.1 <> <(:) || :; done
"""
# As the official script: what is mounted is copied over.
INIT = 'cp -r "$NODE_ROOT"/wazuh-config-mount/* "$NODE_ROOT/var/ossec"'
CONTROL = """
case $1 in
  start) echo "wazuh starts" >>"$NODE_ROOT/order"; env >"$NODE_ROOT/wazuh.seen" ;;
  stop) echo "wazuh ends" >>"$NODE_ROOT/order" ;;
  status) cat "$NODE_ROOT/status" ;;
esac
"""
# One interpreter: it restores or saves the state, sets the API's user, or is the reports.
PYTHON = (
    """
case "$*" in
  *"state.py restore") env >"$NODE_ROOT/restore.seen"; echo restored >>"$NODE_ROOT/order"; exit "${RESTORED:-0}" ;;
  "-m enrolling"*) echo "$*" >"$NODE_ROOT/enrolling.asked"; """
    + STAY.format(name="enrolling")
    + """ ;;
  "-m mesh") """
    + STAY.format(name="mesh")
    + """ ;;
  "-m tls_hop "*) """
    + STAY.format(name="hop")
    + """ ;;
  *"state.py serve") """
    + STAY.format(name="state")
    + """ ;;
  *create_user.py)
    cp "$NODE_ROOT/var/ossec/api/configuration/admin.json" "$NODE_ROOT/user.json"
    exit "${CREATED:-0}" ;;
esac
"""
    + STAY.format(name="report")
)


def prepare(root: NodeRoot) -> NodeRoot:
    for folder in ("etc", "api/configuration", "logs/alerts"):
        (root.folder / "var/ossec" / folder).mkdir(parents=True)
    (root.folder / "var/ossec/logs/ossec.log").touch()
    (root.folder / "status").write_text("wazuh-clusterd not running...\nwazuh-remoted is running...\n")
    root.program("/etc/cont-init.d/0-wazuh-init", INIT)
    root.program(f"{OSSEC}/bin/wazuh-control", CONTROL)
    root.program(f"{OSSEC}/framework/python/bin/python3", PYTHON)
    root.program("/usr/share/filebeat/bin/filebeat", STAY.format(name="filebeat"))
    return root


def start(root: NodeRoot, **more: str):
    return root.start("manager/entry.sh", environment_of("manager", WATCH_SECONDS="0.1", **more))


def up(root: NodeRoot) -> bool:
    return all((root.folder / f"{name}.seen").exists() for name in ("wazuh", "filebeat", "report", "state"))


@pytest.fixture
def manager(root: NodeRoot):
    process = start(prepare(root))
    wait_until(lambda: up(root) or process.poll() is not None, "the manager runs")
    return root, process


def configuration(root: NodeRoot) -> ET.Element:
    return ET.fromstring(root.text(f"{OSSEC}/etc/ossec.conf"))


def test_agents_come_on_1514_and_nobody_enrolls_from_outside(manager):
    read = configuration(manager[0])
    assert read.findtext("remote/port") == "1514"
    assert read.findtext("remote/protocol") == "tcp"
    assert read.findtext("auth/remote_enrollment") == "no"
    assert read.findtext("auth/use_password") == "yes"
    assert read.findtext("auth/use_source_ip") == "no"
    assert manager[0].text(f"{OSSEC}/etc/authd.pass") == GIVEN["AUTHD_PASSWORD"] + "\n"


def test_the_cluster_key_is_the_tenants_own(manager):
    assert configuration(manager[0]).findtext("cluster/key") == GIVEN["WAZUH_CLUSTER_KEY"]


def test_a_manager_alone_is_no_cluster_and_looks_for_no_master(manager):
    root, _ = manager
    read = configuration(root)
    assert (read.findtext("cluster/disabled"), read.findtext("cluster/node_type")) == ("yes", "master")
    assert read.findtext("cluster/name") == COMMON["TENANT_ID"]
    assert not (root.folder / "mesh.seen").exists()
    assert not (root.folder / "enrolling.seen").exists()


WORKER = {"NODE_TYPE": "worker", "CLUSTER_DISABLED": "no", "MESH_LISTEN": "1516=0"}


def test_a_worker_finds_its_master_on_its_own_loopback_address_through_the_mesh(root):
    process = start(prepare(root), **WORKER)
    wait_until(lambda: up(root) and (root.folder / "mesh.seen").exists(), "the worker runs")
    read = configuration(root)
    assert (read.findtext("cluster/disabled"), read.findtext("cluster/node_type")) == ("no", "worker")
    assert (read.findtext("cluster/nodes/node"), read.findtext("cluster/port")) == ("127.0.0.1", "1516")
    seen = root.text("mesh.seen")
    assert "MESH_LISTEN=1516=0\n" in seen
    assert "MESH_URL=http://mesh.internal\n" in seen
    assert not [secret for secret in SECRETS if secret in seen]
    assert terminated(process) == 0
    assert "mesh ends" in root.text("order")


def test_1515_is_open_only_where_the_edge_says_so_and_shows_the_managers_own_certificate(root):
    process = start(prepare(root), ENROLL_URL="http://enroll.internal")
    wait_until(lambda: up(root) and (root.folder / "enrolling.seen").exists(), "the manager runs")
    certificate, key = (f"{root.folder}{OSSEC}/etc/sslmanager.{end}" for end in ("cert", "key"))
    assert root.text("enrolling.asked") == f"-m enrolling {certificate} {key}\n"
    seen = root.text("enrolling.seen")
    assert "ENROLL_URL=http://enroll.internal\n" in seen
    assert not [secret for secret in SECRETS if secret in seen]
    assert configuration(root).findtext("auth/remote_enrollment") == "no"
    assert terminated(process) == 0
    assert "enrolling ends" in root.text("order")


def test_a_worker_without_a_gate_ends_by_name(root):
    process = start(prepare(root), **WORKER, MESH_URL="")
    assert process.wait(timeout=60) == 1
    assert "MESH_URL" in root.output


def test_agents_of_wazuh_5_come_through_the_hop_below_the_tenants_own_path(root):
    process = start(prepare(root), WAZUH_VERSION="5.0.0")
    wait_until(lambda: up(root) and (root.folder / "hop.seen").exists(), "the manager and its hop run")
    *_, added = ET.fromstring(f"<all>{root.text(f'{OSSEC}/etc/ossec.conf')}</all>")
    https = {setting.tag: setting.text for setting in added.find("remote/https")}
    assert https["global_prefix"] == GIVEN["AGENTS_PREFIX"]
    assert (https["port"], https["bind_addr"]) == ("1517", "127.0.0.1")
    assert f"python3 -m tls_hop {root.folder}{OSSEC}/{https['certificate']}" in root.calls
    seen = root.text("hop.seen")
    assert "HOP_LISTEN=0.0.0.0:1518\n" in seen
    assert "HOP_MANAGER=127.0.0.1:1517\n" in seen
    assert not [secret for secret in SECRETS if secret in seen]
    assert terminated(process) == 0
    assert "hop ends" in root.text("order")


def test_a_manager_of_wazuh_5_without_a_path_for_its_agents_ends_by_name(root):
    process = start(prepare(root), WAZUH_VERSION="5.0.0", AGENTS_PREFIX="")
    assert process.wait(timeout=60) == 1
    assert "AGENTS_PREFIX" in root.output


def test_a_manager_of_wazuh_4_has_no_hop(manager):
    root, _ = manager
    assert "https" not in root.text(f"{OSSEC}/etc/ossec.conf")
    assert not any("tls_hop" in call for call in root.calls)


@pytest.mark.parametrize("given", [{}, {"CLUSTER_DISABLED": "no"}])
def test_the_clusters_daemon_is_missed_only_where_there_is_a_cluster(root, given):
    process = start(prepare(root), **given)
    wait_until(lambda: up(root) or process.poll() is not None, "the manager runs")
    (root.folder / "status").write_text("wazuh-clusterd not running...\nwazuh-remoted is running...\n")
    if given:
        assert process.wait(timeout=60) == 1
        assert "wazuh-clusterd" in root.output
    else:
        assert terminated(process) == 0


def test_the_api_serves_plain_http_on_55000(manager):
    read = yaml.safe_load(manager[0].text(f"{OSSEC}/api/configuration/api.yaml"))
    assert read["https"]["enabled"] is False
    assert read["port"] == 55000
    assert read["host"] == ["0.0.0.0"]


def test_filebeat_sends_alerts_to_the_gate_under_wazuhs_index(manager):
    root, _ = manager
    read = yaml.safe_load(root.text("/etc/filebeat/filebeat.yml"))
    output = read["output.elasticsearch"]
    assert output["hosts"] == ["http://indexer.internal:80"]
    assert output["index"].startswith("wazuh-alerts-4.x-")
    assert (output["username"], output["password"]) == ("admin", GIVEN["INDEXER_PASSWORD"])
    assert read["setup.template.enabled"] is False
    assert [next(iter(processor)) for processor in read["processors"]][:2] == ["drop_fields", "decode_json_fields"]
    assert root.mode("/etc/filebeat/filebeat.yml") == 0o600


def test_the_apis_user_has_the_tenants_password_and_its_file_is_gone(manager):
    root, _ = manager
    assert json.loads(root.text("user.json")) == {"username": "wazuh-wui", "password": GIVEN["API_PASSWORD"]}
    assert not (root.folder / "var/ossec/api/configuration/admin.json").exists()


def test_the_nodes_certificate_is_authds_and_its_files_belong_to_wazuh(manager):
    root, _ = manager
    assert root.text(f"{OSSEC}/etc/sslmanager.cert") == PEM
    assert root.mode(f"{OSSEC}/etc/sslmanager.key") == 0o640
    for name in ("ossec.conf", "authd.pass", "sslmanager.key"):
        assert any(call == f"chown root:wazuh {root.folder}/var/ossec/etc/{name}" for call in root.calls)


def test_no_secret_is_in_an_argument_a_log_or_an_environment_that_does_not_need_it(manager):
    root, _ = manager
    for secret in SECRETS:
        assert secret not in "\n".join(root.calls)
        assert secret not in root.output
        for name in ("wazuh", "filebeat", "state", "restore"):
            assert secret not in root.text(f"{name}.seen")
    assert GIVEN["API_PASSWORD"] in root.text("report.seen")
    assert GIVEN["INDEXER_PASSWORD"] not in root.text("report.seen")


def test_it_restores_before_wazuh_starts_and_stops_making_alerts_before_it_saves_and_stops_sending(manager):
    root, process = manager
    assert terminated(process) == 0
    order = root.text("order").splitlines()
    assert order[:3] == ["restored", "wazuh starts", "wazuh ends"]
    assert sorted(order[3:]) == ["filebeat ends", "report ends", "state ends"]


def test_the_last_save_goes_on_while_alerts_are_sent(root):
    prepare(root).program("stand-ins/sleep", '[[ $1 == 1 ]] || exec /bin/sleep "$1"; exec /bin/sleep 0.1')
    process = start(root)
    wait_until(lambda: up(root), "the manager runs")
    (root.folder / "var/ossec/logs/alerts/alerts.json").write_text("{}\n")
    assert terminated(process) == 0
    order = root.text("order").splitlines()
    assert order.index("state ends") < min(order.index("filebeat ends"), order.index("report ends"))


def test_a_state_that_could_not_be_put_in_place_ends_the_node_before_wazuh_starts(root):
    process = start(prepare(root), RESTORED="1")
    assert process.wait(timeout=60) == 1
    assert "could not be put in place" in root.output
    assert not (root.folder / "wazuh.seen").exists()


def test_it_waits_until_filebeat_has_sent_the_whole_file(manager):
    root, process = manager
    alerts = root.folder / "var/ossec/logs/alerts/alerts.json"
    alerts.write_text("{}\n" * 10)
    registry = root.folder / "var/lib/filebeat/registry/filebeat"
    registry.mkdir(parents=True)
    (registry / "log.json").write_text('{"k":"filebeat::logs","v":{"offset":30,"ttl":-1}}\n')
    assert terminated(process) == 0
    assert "not sent" not in root.output


def test_alerts_that_could_not_be_sent_are_told(root):
    prepare(root).program("stand-ins/sleep", '[[ $1 == 1 ]] || exec /bin/sleep "$1"')
    process = start(root)
    wait_until(lambda: up(root), "the manager runs")
    (root.folder / "var/ossec/logs/alerts/alerts.json").write_text("{}\n")
    assert terminated(process) == 0
    assert "stopping with alerts that were not sent" in root.output


@pytest.mark.parametrize("daemon", ["remoted", "analysisd", "db", "apid"])
def test_a_daemon_that_ended_ends_the_node_by_name(manager, daemon):
    root, process = manager
    (root.folder / "status").write_text(f"wazuh-maild not running...\nwazuh-{daemon} not running...\n")
    assert process.wait(timeout=60) == 1
    assert f"wazuh-{daemon}" in root.output


def test_an_api_user_that_could_not_be_set_ends_the_node_before_wazuh_starts(root):
    process = start(prepare(root), CREATED="1")
    assert process.wait(timeout=60) == 1
    assert "the API's user could not be set" in root.output
    assert not (root.folder / "wazuh.seen").exists()
    assert not (root.folder / "var/ossec/api/configuration/admin.json").exists()


MAY_BE_EMPTY = {"FILEBEAT_SSL_VERIFICATION_MODE", "ENROLL_URL", "MESH_URL", "MESH_LISTEN", "AGENTS_PREFIX"}


@pytest.mark.parametrize("name", sorted(set(GIVEN) - MAY_BE_EMPTY))
def test_a_missing_variable_ends_it_by_name(root, name):
    process = start(prepare(root), **{name: ""})
    assert process.wait(timeout=60) == 1
    assert name in root.output
    assert not (root.folder / "wazuh.seen").exists()
