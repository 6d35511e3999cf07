"""The Terraform files parse, and hold together. They were never applied."""

import itertools
import re
import tomllib
from typing import Any

import hcl2
import pytest

from deploy.configuration import REPOSITORY, source
from tests.deploy.described import EXAMPLE

FOLDER = REPOSITORY / "deploy/terraform"
FILES = sorted(FOLDER.glob("*.tf"))


def plain(value: Any) -> Any:
    """Names without the quotes that the parser keeps, and its own marks left out."""
    if isinstance(value, dict):
        return {str(name).strip('"'): plain(part) for name, part in value.items() if not str(name).startswith("__")}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.fixture(scope="module")
def parsed() -> dict[str, list[dict[str, Any]]]:
    blocks: dict[str, list[dict[str, Any]]] = {}
    for file in FILES:
        with file.open() as opened:
            for kind, found in plain(hcl2.load(opened)).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


def resources(parsed) -> dict[str, dict[str, Any]]:
    return {
        f"{kind}.{name}": body
        for block in parsed["resource"]
        for kind, of in block.items()
        for name, body in of.items()
    }


def test_the_resources_are_those_that_the_worker_binds_and_no_queue(parsed):
    kinds = {name.split(".")[0] for name in resources(parsed)}
    assert kinds == {
        "cloudflare_d1_database",
        "cloudflare_workers_kv_namespace",
        "cloudflare_r2_bucket",
        "cloudflare_r2_bucket_lifecycle",
        "cloudflare_dns_record",
        "cloudflare_zero_trust_access_policy",
        "cloudflare_zero_trust_access_application",
    }
    base = source()
    assert [len(base[name]) for name in ("d1_databases", "kv_namespaces", "r2_buckets")] == [1, 1, 1]
    assert "queues" not in base


def test_every_variable_is_typed_described_and_validated_and_used(parsed):
    texts = "\n".join(file.read_text() for file in FILES if file.name != "variables.tf")
    for block in parsed["variable"]:
        for name, body in block.items():
            assert body["type"], name
            assert body["description"], name
            assert name == "jurisdiction" or body["validation"], name
            assert f"var.{name}" in texts, name


def test_every_reference_leads_somewhere(parsed):
    names = {name for block in parsed["variable"] for name in block}
    known = set(resources(parsed))
    for file in FILES:
        assert set(re.findall(r"\bvar\.(\w+)", file.read_text())) <= names
        for kind, name in re.findall(r"\b(cloudflare_\w+)\.(\w+)\b", file.read_text()):
            assert f"{kind}.{name}" in known


def test_the_outputs_are_the_resources_of_a_deployment_file(parsed):
    (output,) = [block["resources"] for block in parsed["output"] if "resources" in block]
    assert set(output["value"]) == set(tomllib.loads(EXAMPLE.read_text())["resources"])


def test_what_holds_data_can_not_be_destroyed_by_a_plan(parsed):
    for name in ("cloudflare_d1_database.meta", "cloudflare_r2_bucket.archive"):
        (lifecycle,) = resources(parsed)[name]["lifecycle"]
        assert lifecycle["prevent_destroy"] is True


def test_no_rule_of_the_archive_deletes_what_was_kept():
    assert "delete_objects_transition" not in "".join(file.read_text() for file in FILES)


def test_nothing_of_a_state_or_a_secret_is_kept_here():
    ignored = (FOLDER / ".gitignore").read_text().split()
    assert {"*.tfstate*", "*.tfvars", ".terraform/"} <= set(ignored)
    assert not list(FOLDER.glob("*.tfstate*"))
    assert "api_token" not in "".join(file.read_text() for file in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_are_formatted_as_terraform_would(file):
    """Two spaces a level, no tabs, no trailing space, equals signs of neighbours below each other."""
    lines = file.read_text().splitlines()
    assert not [line for line in lines if "\t" in line or line != line.rstrip()]
    assert not [line for line in lines if (len(line) - len(line.lstrip())) % 2]
    for first, second in itertools.pairwise(lines):
        places = [re.match(r"(\s*)\w+\s*= (?![\[{]$)", line) for line in (first, second)]
        if all(places) and places[0][1] == places[1][1]:
            assert len(places[0][0]) == len(places[1][0]), f"{first!r} and {second!r}"
