"""Seed manifests: what operators bring in by file goes the way of everything that is asked for."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.reconciler import reconcile

pytestmark = pytest.mark.django_db
EXAMPLE = Path(__file__).parents[2] / "deploy/clusters"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clusters").mkdir()
    write(tmp_path, "office", {"name": "Office", "plan": {"max_agents": 20, "indexer": {"shards": 2}}})
    write(tmp_path, "Lab", {"plan": {"roles": {"manager": {"count": 1, "image": "4.14.6"}}}})
    return tmp_path


def write(folder: Path, name: str, content: object) -> None:
    (folder / "clusters" / f"{name}.json").write_text(json.dumps(content))


def run(place: Path, organization, **more: object) -> str:
    out = io.StringIO()
    call_command("import_clusters", str(place), organization=organization.pk, stdout=out, **more)
    return out.getvalue()


def of(organization) -> dict[str, Tenant]:
    with rls.acting_as(f"org:{organization.pk}"):
        return {tenant.name: tenant for tenant in Tenant.objects.filter(organization=organization)}


def test_each_manifest_becomes_a_tenant_once_and_a_second_run_changes_nothing(folder, acme, cell, edge):
    said = run(folder, acme)
    made = of(acme)
    assert set(made) == {"Office", "Lab"}
    assert all(tenant.pk in said for tenant in made.values())
    assert made["Office"].spec["max_agents"] == 20
    assert made["Office"].spec["indexer"] == {"shards": 2}
    assert made["Lab"].spec["roles"]["manager"]["image"] == "4.14.6"
    reconcile(made["Office"].pk)
    assert edge.bodies[made["Office"].pk]["plan"] == made["Office"].spec

    again = run(folder, acme)
    assert again.count("there already") == 2
    assert {name: tenant.spec for name, tenant in of(acme).items()} == {n: tenant.spec for n, tenant in made.items()}
    with rls.acting_as(f"org:{acme.pk}"):
        assert Operation.objects.count() == 2
        entries = AuditEntry.objects.filter(action="tenants.tenant.create")
        assert {entry.actor["reason"] for entry in entries} == {"an operator of the platform imported manifests"}


def test_what_a_manifest_says_later_is_told_and_not_done(folder, acme, cell):
    run(folder, acme)
    write(folder, "office", {"name": "Office", "plan": {"max_agents": 30}})
    assert "kept, though it differs in max_agents" in run(folder, acme)
    assert of(acme)["Office"].spec["max_agents"] == 20


def test_a_dry_run_judges_everything_and_makes_nothing(folder, acme, cell):
    said = run(folder, acme, dry_run=True)
    assert "made: Office" in said
    assert "A dry run" in said
    assert of(acme) == {}
    assert Cell.objects.get().placed == 0


def test_each_fault_is_named_by_file_and_path_and_then_nothing_is_made(folder, acme, cell):
    (folder / "clusters/Lab.json").unlink()
    write(folder, "broken", {"plan": {"max_agents": 51, "thresholds": {"ingest_lag_seconds": 1}, "version": "9"}})
    write(folder, "large", {"plan": {"roles": {"indexer": {"count": 2, "instance": "standard-4"}}}})
    write(folder, "long", {"plan": {"retention_days": 30}})
    write(folder, "other", {"plan": {"roles": {"dashboard": {"image": "1.0"}}}})
    with pytest.raises(CommandError) as refused:
        run(folder, acme)
    said = str(refused.value)
    for file, path, words in [
        ("broken", "plan.max_agents", "Expected 1 to 50."),
        ("broken", "plan.thresholds.ingest_lag_seconds", "Expected 30 to 86400."),
        ("large", "plan.roles.indexer.count", "The plan trial gives 1."),
        ("large", "plan.roles.indexer.instance", "The plan trial gives standard-2."),
        ("long", "plan.retention_days", "50 agents × 30 days × 17 MB = 25.5 GB"),
        ("other", "plan.roles.dashboard.image", "Version 1.0 is not on offer."),
    ]:
        assert f"{folder / 'clusters' / file}.json: {path}: {words}" in said
    assert of(acme) == {}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("{", "file"),
        ("[]", "file"),
        ('{"name": 1}', "name"),
        ('{"name": "\\u202e"}', "name"),
        ('{"size": 1}', "size"),
        ('{"plan": []}', "plan"),
        ('{"plan": {"sidecar": 1}}', "plan.sidecar"),
        ('{"plan": {"indexer": 1}}', "plan.indexer"),
        ('{"plan": {"version": null}}', "plan.version"),
        ('{"plan": {"version": 4}}', "plan.version"),
        ('{"plan": {"max_agents": "5"}}', "plan.max_agents"),
        ('{"plan": {"roles": {"certs": {}}}}', "plan.roles.certs"),
        ('{"plan": {"roles": {"manager": 1}}}', "plan.roles.manager"),
        ('{"plan": {"roles": {"manager": {"heap": 1}}}}', "plan.roles.manager.heap"),
        ('{"plan": {"roles": {"manager": {"image": 1}}}}', "plan.roles.manager.image"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused_by_path(tmp_path, acme, cell, content, path):
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(CommandError, match=f"x.json: {path}: "):
        run(file, acme)


def test_two_manifests_of_one_name_more_than_the_plan_holds_and_nobody_are_refused(folder, acme, cell):
    for number in range(2):
        write(folder, f"more-{number}", {"name": f"More {number}"})
    with pytest.raises(CommandError, match="QUOTA_EXCEEDED: The Trial plan holds 3 tenants"):
        run(folder, acme)
    write(folder, "more-1", {"name": "More 0"})
    with pytest.raises(CommandError, match=r"more-1\.json: name: Another manifest"):
        run(folder, acme)
    acme.pk = "org_nobody"
    with pytest.raises(CommandError, match="no organization"):
        run(EXAMPLE, acme)


def test_the_example_can_be_had_under_a_trial(acme, cell):
    run(EXAMPLE, acme)
    assert of(acme)["Production"].spec["thresholds"]["silent_agents_percent"] == 5
