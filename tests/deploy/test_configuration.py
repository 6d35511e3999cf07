"""The Worker's configuration for one cell."""

import json
import os
import subprocess

import pytest

from deploy.configuration import REPOSITORY, render, source
from tests.deploy.described import deployment, example

PROGRAMS = REPOSITORY / "worker/node_modules/.bin"  # the pinned wrangler, and the Node it needs


@pytest.fixture(scope="module")
def rendered() -> dict:
    return render(deployment(), source())


def test_nothing_of_the_zeroed_configuration_is_left(rendered):
    text = json.dumps(rendered)
    assert "0" * 32 not in text.replace("sha256:" + "0" * 63, "")
    for name in ("portal.example.com", "edge.example.com", "wazuh-archive-eu", "wazuh-meta-eu"):
        assert name in text


def test_only_the_parts_of_a_cell_differ_from_the_repositorys_configuration(rendered):
    base = source()
    own = {
        "$schema",
        "name",
        "account_id",
        "main",
        "containers",
        "d1_databases",
        "kv_namespaces",
        "r2_buckets",
        "vars",
        "routes",
    }
    same = set(base) - own
    assert {name: rendered[name] for name in same} == {name: base[name] for name in same}
    assert set(rendered["vars"]) == set(base["vars"])


def test_every_version_keeps_its_images_under_one_key():
    content = example()
    newer = {**content["versions"][0], "version": "4.14.8", "indexer": "sha256:" + "a" * 64}
    rendered = render(deployment(versions=[newer, *content["versions"]]), source())
    for container in rendered["containers"]:
        assert set(container["images"]) == {"v4147", "v4148"}
    indexer = next(each for each in rendered["containers"] if each["name"] == "wazuh-indexer")
    assert indexer["images"]["v4148"]["image"].endswith("wazuh-indexer@sha256:" + "a" * 64)
    assert rendered["vars"]["VERSIONS"] == {"4.14.8": "v4148", "4.14.7": "v4147"}


def test_the_operators_door_opens_for_one_application_of_one_team_or_is_shut(rendered):
    assert (rendered["vars"]["ACCESS_ISSUER"], rendered["vars"]["ACCESS_AUDIENCE"]) == ("", "")
    named = render(deployment(operators={"team": "example", "audience": "a" * 64}), source())["vars"]
    assert named["ACCESS_ISSUER"] == "https://example.cloudflareaccess.com"
    assert named["ACCESS_AUDIENCE"] == "a" * 64


def test_every_deployment_bounds_how_often_one_address_comes(rendered):
    assert [limit["name"] for limit in rendered["ratelimits"]] == ["SOURCE_LIMIT"]


def test_both_names_lead_to_the_worker_and_no_other_address_does(rendered):
    assert [route["pattern"] for route in rendered["routes"]] == ["edge.example.com/*", "*.example.net/*"]
    assert rendered["workers_dev"] is False
    assert rendered["preview_urls"] is False


def test_a_jurisdiction_binds_the_archive(rendered):
    assert rendered["r2_buckets"][0]["jurisdiction"] == "eu"
    content = example()
    anywhere = render(deployment(cell={**content["cell"], "jurisdiction": ""}), source())
    assert "jurisdiction" not in anywhere["r2_buckets"][0]


@pytest.mark.skipif(not (PROGRAMS / "wrangler").exists(), reason="the Worker's packages are not installed")
def test_wrangler_accepts_it_offline(rendered, tmp_path):
    file = tmp_path / "wrangler.json"
    file.write_text(json.dumps(rendered))
    command = [PROGRAMS / "wrangler", "deploy", "--dry-run", "--outdir", tmp_path / "out", "--config", file]
    given = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
    }
    ended = subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=110)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "WARNING" not in ended.stdout + ended.stderr
