"""What a deployment does, and in which order."""

from deploy.configuration import source
from deploy.plan import Step, lines_of, plan
from tests.deploy.described import ALL_SECRETS, deployment, example

MIGRATIONS = ("0001_a.sql", "0002_b.sql")


def planned(**more) -> list[Step]:
    return plan(deployment(**more), source(), MIGRATIONS)


def test_the_order_lets_the_worker_of_before_run_until_the_new_one_can():
    assert [step.kind for step in planned()] == [
        "write",
        "wrangler",
        "wrangler",
        "wrangler",
        "manage",
        "ready",
        "migrations",
        "door",
    ]
    commands = [step.arguments[:2] for step in planned() if step.kind == "wrangler"]
    assert [command[0] for command in commands] == ["d1", "deploy", "secret"]


def test_seed_manifests_are_imported_last_where_the_file_names_them():
    seed = {"organization": "org_" + "a" * 20, "manifests": "deploy/clusters"}
    step = planned(seed=seed)[-1]
    assert (step.kind, step.arguments[:2]) == ("manage", ("import_clusters", "deploy/clusters"))
    assert step.arguments[2] == f"--organization={seed['organization']}"
    assert planned() == planned(seed=seed)[:-1]


def test_the_same_file_gives_the_same_plan():
    assert planned() == planned()


def test_every_step_says_how_to_go_on():
    assert all(step.if_it_fails for step in planned())


def test_secrets_go_by_name_only():
    (step,) = [step for step in planned() if step.secrets]
    assert step.secrets == ("CELL_ID_KEY", "DATA_KEYS")
    assert not any(secret in repr(planned()) for secret in ALL_SECRETS)


def test_wrangler_always_gets_the_cells_own_configuration():
    target = str(planned()[0].writes)
    assert "/eu/" in target
    for step in planned():
        if step.kind in ("wrangler", "migrations"):
            assert step.arguments[-2:] == ("--config", target)


def test_the_cell_is_registered_with_the_newest_version_first():
    content = example()
    newer = {**content["versions"][0], "version": "4.14.8"}
    (step,) = [step for step in planned(versions=[newer, *content["versions"]]) if step.kind == "manage"]
    assert "--versions=4.14.8,4.14.7" in step.arguments
    assert "--base-url=https://edge.example.com" in step.arguments
    assert "--runtime=cloudflare" in step.arguments


def test_the_printed_plan_names_every_step_and_command():
    text = "\n".join(lines_of(planned()))
    for step in planned():
        assert step.name in text
    assert "wrangler secret bulk" in text
    assert "standard input: CELL_ID_KEY, DATA_KEYS" in text


def test_every_migration_must_be_found():
    (step,) = [step for step in planned() if step.kind == "migrations"]
    assert step.expects == MIGRATIONS
