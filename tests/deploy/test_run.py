"""Running a plan, with a `wrangler` that notes its arguments and what it is given."""

import json

import pytest

from deploy import doors
from deploy import plan as plans
from deploy.configuration import source
from deploy.plan import plan
from deploy.run import Runner
from tests.deploy.described import ALL_SECRETS, CELL_KEY, DATA_KEYS, deployment

MIGRATIONS = ("0001_registry_and_feed.sql", "0002_rest_as_wanted.sql")
READY = {"status": "ok", "cell": "eu", "runtime": "cloudflare"}
SECRETS = {"CELL_ID_KEY": CELL_KEY, "DATA_KEYS": DATA_KEYS}


class Run:
    """One run of the plan against the noted programs."""

    def __init__(self, programs, tmp_path, monkeypatch) -> None:
        self.programs, self.printed, self.pauses = programs, [], 0
        monkeypatch.setattr(plans, "BUILD", tmp_path / "build")
        self.readiness = [READY]
        monkeypatch.setattr(
            doors, "readiness", lambda edge: self.readiness.pop(0) if len(self.readiness) > 1 else self.readiness[0]
        )
        monkeypatch.setattr(doors, "tenants", self.tenants)
        self.shut = False
        self.steps = plan(deployment(), source(), MIGRATIONS)

    def tenants(self, cell: str, edge: str) -> int:
        if self.shut:
            raise doors.Shut("UNAUTHENTICATED")
        return 3

    def pause(self, seconds: float) -> None:
        self.pauses += 1

    def __call__(self) -> bool:
        self.printed.clear()
        runner = Runner(SECRETS, self.programs.manage, self.printed.append, self.pause)
        return runner.run(self.steps)

    @property
    def output(self) -> str:
        return "\n".join(self.printed)


@pytest.fixture
def run(programs, tmp_path, monkeypatch) -> Run:
    return Run(programs, tmp_path, monkeypatch)


def test_all_steps_are_done_in_order_and_each_is_told_with_its_result(run, programs):
    assert run()
    called = [(call["name"], call["arguments"][0]) for call in programs.calls]
    assert called == [
        ("wrangler", "d1"),
        ("wrangler", "deploy"),
        ("wrangler", "secret"),
        ("manage", "create_cell"),
        ("wrangler", "d1"),
    ]
    for step in run.steps:
        assert step.name in run.output
    assert "cell eu registered" in run.output
    assert "lists 3 of the cell's tenants" in run.output
    assert json.loads(run.steps[0].writes.read_text())["name"] == "wazuh-edge"


def test_secrets_go_to_standard_input_and_nowhere_else(run, programs):
    assert run()
    (secret,) = [call for call in programs.calls if call["arguments"][0] == "secret"]
    assert json.loads(secret["given"]) == SECRETS
    for call in programs.calls:
        for value in (*ALL_SECRETS, DATA_KEYS):
            assert value not in " ".join(call["arguments"])
            assert value not in call["seen"]
            assert call == secret or value not in call["given"]


def test_no_secret_is_printed_though_a_program_prints_it(run, programs):
    assert run()
    programs.fail_on("secret bulk")
    first = run.output
    assert not run()
    for value in (*ALL_SECRETS, DATA_KEYS, "token-of-the-account"):
        assert value not in first + run.output
    assert "[secret]" in run.output


def test_wrangler_sees_the_accounts_token_and_nothing_of_the_portal(run, programs, monkeypatch):
    monkeypatch.setenv("GARRISON_SECRET_KEY", "the-portals-own")
    monkeypatch.setenv("DATABASE_URL", "postgres://app:word@host/db")
    assert run()
    for call in programs.calls:
        if call["name"] == "wrangler":
            assert "token-of-the-account" in call["seen"]
            assert "the-portals-own" not in call["seen"]
            assert "app:word" not in call["seen"]


@pytest.mark.parametrize(
    ("words", "failed", "done"),
    [("migrations apply", 2, 1), ("deploy --config", 3, 2), ("secret bulk", 4, 3), ("execute", 7, 6)],
)
def test_it_stops_at_the_first_failure_and_says_what_was_done_and_how_to_go_on(run, programs, words, failed, done):
    programs.fail_on(words)
    assert not run()
    step = run.steps[failed - 1]
    assert f"[{failed}/8] {step.name}" in run.output
    assert f"[{failed + 1}/8]" not in run.output
    assert f"Done so far: {', '.join(each.name for each in run.steps[:done])}." in run.output
    assert step.if_it_fails in run.output
    assert "exit status 3" in run.output


def test_after_a_failure_the_same_command_goes_through(run, programs):
    programs.fail_on("secret bulk")
    assert not run()
    programs.mend()
    assert run()


def test_a_second_run_does_the_same_and_leaves_the_configuration_as_it_is(run, programs):
    assert run()
    once = len(programs.calls)
    assert run()
    assert "unchanged" in run.output
    assert [call["arguments"] for call in programs.calls[once:]] == [
        call["arguments"] for call in programs.calls[:once]
    ]


def test_the_edge_is_waited_for(run):
    run.readiness = [{"message": "no answer"}, {"code": "NOT_READY", "message": "migrations"}, READY]
    assert run()
    assert run.pauses == 2


def test_another_deployment_at_the_address_is_told(run):
    run.readiness = [{**READY, "cell": "us"}]
    assert not run()
    assert "cell us" in run.output


def test_a_missing_migration_is_named(run, programs):
    programs.rows(MIGRATIONS[0])
    assert not run()
    assert f"not applied: {MIGRATIONS[1]}" in run.output


def test_a_door_that_stays_shut_is_told(run):
    run.shut = True
    assert not run()
    assert "UNAUTHENTICATED" in run.output
    assert "GARRISON_CONTROL_KEY" in run.output


def test_a_missing_wrangler_is_a_failure_and_not_a_crash(run, programs, monkeypatch):
    monkeypatch.setenv("PATH", str(programs.folder / "nowhere"))
    assert not run()
    assert "Done so far: write the Worker's configuration." in run.output
