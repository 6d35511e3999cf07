"""The dashboard's entry script, run against a folder that plays the official image."""

import pytest
import yaml

from tests.images.node_root import ENVIRONMENTS, SECRETS, NodeRoot, environment_of, terminated, wait_until

HOME = "/usr/share/wazuh-dashboard"
SERVER_FILE = f"{HOME}/config/opensearch_dashboards.yml"
APP_FILE = f"{HOME}/data/wazuh/config/wazuh.yml"
STAY = 'trap "exit 0" TERM; env >"$NODE_ROOT/seen"; while :; do read -t 0.1 <> <(:) || :; done'


@pytest.fixture
def dashboard(root: NodeRoot):
    root.program(f"{HOME}/bin/opensearch-dashboards", STAY)
    process = root.start("dashboard/entry.sh", environment_of("dashboard"))
    wait_until(lambda: root.calls and (root.folder / "seen").exists(), "the server was started")
    return root, process


def test_it_serves_plain_http_below_the_base_path(dashboard):
    root, _ = dashboard
    rendered = yaml.safe_load(root.text(SERVER_FILE))
    assert rendered["server.basePath"] == "/dashboard"
    assert rendered["server.rewriteBasePath"] is True
    assert rendered["server.ssl.enabled"] is False
    assert rendered["server.host"] == "0.0.0.0"
    assert rendered["server.port"] == 5601


def test_people_are_signed_in_by_the_edges_headers_and_cookies_have_the_tenants_password(dashboard):
    root, _ = dashboard
    rendered = yaml.safe_load(root.text(SERVER_FILE))
    assert rendered["opensearch_security.auth.type"] == "proxy"
    assert rendered["opensearch_security.proxycache.user_header"] == "x-proxy-user"
    assert rendered["opensearch_security.proxycache.roles_header"] == "x-proxy-roles"
    passed_on = {name.lower() for name in rendered["opensearch.requestHeadersAllowlist"]}
    assert {"x-proxy-user", "x-proxy-roles", "x-forwarded-for"} <= passed_on
    assert rendered["opensearch_security.cookie.password"] == ENVIRONMENTS["dashboard"]["COOKIE_PASSWORD"]


def test_the_nodes_behind_it_are_named_with_their_ports(dashboard):
    root, _ = dashboard
    assert yaml.safe_load(root.text(SERVER_FILE))["opensearch.hosts"] == ["http://indexer.internal:80"]
    (host,) = yaml.safe_load(root.text(APP_FILE))["hosts"]
    given = ENVIRONMENTS["dashboard"]
    expected = {"url": "http://manager.internal", "port": 80, "username": "wazuh-wui", "run_as": True}
    assert host["tenant"] == {**expected, "password": given["API_PASSWORD"]}


def test_secrets_are_in_files_of_mode_600_only(dashboard):
    root, _ = dashboard
    assert root.mode(SERVER_FILE) == root.mode(APP_FILE) == 0o600
    for secret in SECRETS:
        assert secret not in root.text("seen")
        assert secret not in root.output
        assert not any(secret in call for call in root.calls)


def test_the_server_takes_the_place_of_the_script_and_ends_on_sigterm(dashboard):
    _, process = dashboard
    assert terminated(process) == 0


@pytest.mark.parametrize("name", [*ENVIRONMENTS["dashboard"], "NODE_NAME"])
def test_a_missing_variable_ends_it_by_name(root, name):
    process = root.start("dashboard/entry.sh", environment_of("dashboard", **{name: ""}))
    assert process.wait(timeout=20) == 1
    assert name in root.output
    assert not root.calls


def test_a_short_cookie_password_is_refused(root):
    process = root.start("dashboard/entry.sh", environment_of("dashboard", COOKIE_PASSWORD="short"))
    assert process.wait(timeout=20) == 1
    assert "COOKIE_PASSWORD" in root.output
