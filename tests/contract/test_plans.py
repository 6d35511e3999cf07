"""What portal and edge must judge alike about a plan."""

import json
from pathlib import Path

import pytest

from billing import disk
from billing.models import Plan
from tenants.provisioning import backup_schedules, specs

HERE = Path(__file__).parent
CASES = json.loads((HERE / "plan_sizes.json").read_text())
CONTRACT = json.loads((HERE.parents[1] / "contracts/edge-api.json").read_text())["components"]["schemas"]
PLAN = CONTRACT["Plan"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['max_agents']} agents, {case['retention_days']} days")
def test_the_disk_is_reckoned_with_as_at_the_edge(case):
    indexer = {"count": case["count"], "instance": case["instance"]}
    need = disk.needed(indexer, agents=case["max_agents"], days=case["retention_days"], replicas=case["replicas"])
    for name in ("needed_mb", "room_mb", "most_days", "most_agents", "fault"):
        assert getattr(need, name) == case[name], name
    shards = disk.shard_fault(indexer, days=case["retention_days"], shards=case["shards"], replicas=case["replicas"])
    assert shards == case["shard_fault"]


@pytest.mark.parametrize("group", sorted(specs.GROUPS))
def test_settings_have_the_edges_names_and_bounds(group):
    edge = PLAN["properties"][group]["properties"]
    assert {name: (each["minimum"], each["maximum"]) for name, each in edge.items()} == specs.GROUPS[group]


def test_schedules_of_backups_have_the_edges_bounds():
    edge = CONTRACT["BackupSchedule"]["properties"]
    ours = {name: (edge[name]["minimum"], edge[name]["maximum"]) for name in backup_schedules.BOUNDS}
    assert ours == backup_schedules.BOUNDS
    assert set(edge) == {*backup_schedules.BOUNDS, "at_utc"}


def test_numbers_have_the_edges_bounds():
    ours = {
        "certificate_days": specs.MOST_CERTIFICATE_DAYS,
        "retention_days": specs.MOST_RETENTION_DAYS,
        "archive_days": specs.MOST_RETENTION_DAYS,
        "max_agents": specs.MOST_AGENTS,
    }
    assert {name: PLAN["properties"][name]["maximum"] for name in ours} == ours


@pytest.mark.django_db
def test_every_plan_has_as_many_nodes_as_the_edge_takes_and_of_what_is_unproven_one():
    roles = PLAN["properties"]["roles"]["properties"]
    for plan in Plan.objects.all():
        for role, size in plan.roles.items():
            bounds = roles[role]["properties"]["count"]
            assert bounds["minimum"] <= size["count"] <= bounds["maximum"], (plan.code, role)
        assert {plan.roles[role]["count"] for role in ("manager", "indexer")} == {1}, plan.code


@pytest.mark.django_db
def test_every_plan_on_offer_holds_some_days_of_all_its_agents():
    for plan in Plan.objects.filter(offered=True):
        most = disk.needed(plan.roles["indexer"], agents=plan.max_agents, days=plan.searchable_days)
        assert most.fault is None, plan.code
        assert plan.searchable_days >= 3, plan.code
