"""The portal's half of the bench: what it is held against says the same."""

import datetime as dt

import pytest

from local.bench.portal import pgbench, site
from local.bench.portal.view import SPEC, view_of
from tenants.provisioning.sighting import Sighting
from tenants.provisioning.told import columns_of

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
ASKED = [
    "BEGIN",
    "SELECT set_config('app.actor', 'org:one', true)",
    "SELECT 1",
    "SELECT set_config('app.actor', 'user:maria', true)",
    'SELECT "id"\n FROM "tenants_tenant" LIMIT 51',
    "COMMIT",
]


def test_a_script_has_a_statement_a_line():
    assert pgbench.script_of(["BEGIN", "SELECT 1,\n  2"]) == "BEGIN;\nSELECT 1, 2;\n"


def test_a_page_alone_is_read_as_whoever_it_was_read_as():
    assert pgbench.of_page(ASKED, 50) == ["BEGIN", ASKED[3], ASKED[4], "COMMIT"]


def test_the_rate_is_what_pgbench_told():
    assert pgbench.read_rate("number of clients: 8\ntps = 123.45 (without initial connection time)\n") == 123.45
    with pytest.raises(ValueError, match="no rate"):
        pgbench.read_rate("pgbench: error")


def test_the_server_is_started_as_the_image_starts_it():
    command = site.served("some.module:application", 4711)
    assert command[0].endswith("/granian")
    assert command[1:] == [
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", "4711", "--workers", "2", "some.module:application")
    ]


def test_a_portal_of_the_bench_is_told_what_production_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path):
    from controlplane.environment import read_environment

    monkeypatch.setenv("GARRISON_LOOPBACK_ORIGINS", "http://localhost:9")
    told = site.environment_of(tmp_path, tmp_path, 6379)
    environment = read_environment(told)
    assert (environment.kind, environment.loopback_origins) == ("production", ())
    assert environment.database_url.startswith("postgres://app@/")


def test_a_seeded_tenant_is_like_one_of_which_an_edge_told():
    view = view_of("lo" + "a" * 24, 7, NOW)
    assert Sighting.read(view).observed == "running"
    assert columns_of(view)["agents_enrolled"] == 27
    assert [node["role"] for node in view["nodes"]] == list(SPEC["roles"])
