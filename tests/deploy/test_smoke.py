"""The smoke test on the local stack: all its steps run, and it claims nothing that stand-ins can't prove."""

import json

import pytest

from deploy import doors
from deploy.configuration import REPOSITORY
from deploy.plan import Step
from deploy.run import Runner
from deploy.smoke.__main__ import Finding, judge, main, status_of
from deploy.smoke.claims import CLAIMS
from deploy.smoke.portal import NotSo
from deploy.smoke.trial import Skipped
from local.demo.steps import Demo


def of(run):
    return next(iter(CLAIMS)).__class__("name", "E", "says", "tries", "proves", run)


def raising(error):
    def run(trial):
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "runtime", "verdict"),
    [
        (lambda trial: "seen", "cloudflare", "proven"),
        (lambda trial: "seen", "stand-in", "not provable here"),
        (raising(NotSo("it is not")), "cloudflare", "refuted"),
        (raising(NotSo("it is not")), "stand-in", "refuted"),
        (raising(Skipped("needs a machine")), "cloudflare", "not provable here"),
        (raising(KeyError("nodes")), "cloudflare", "refuted"),
    ],
)
def test_only_real_nodes_prove_and_any_node_refutes(run, runtime, verdict):
    assert judge(of(run), None, runtime).verdict == verdict


def test_the_exit_status_tells_whether_all_was_proven():
    def findings(*verdicts):
        return [Finding(CLAIMS[0], verdict, "") for verdict in verdicts]

    assert status_of(findings("proven", "proven")) == 0
    assert status_of(findings("proven", "not provable here")) == 2
    assert status_of(findings("refuted", "not provable here")) == 1


def test_every_unconfirmed_setting_of_the_images_has_a_claim():
    unconfirmed = [claim for claim in CLAIMS if "[U]" in claim.where]
    text = " ".join(claim.says for claim in unconfirmed)
    for setting in ("plugins.security.ssl.http.enabled: false", "node.store.allow_mmap: false"):
        assert setting in text
        assert setting in (REPOSITORY / "images/indexer/opensearch.yml").read_text().replace("@ALLOW_MMAP@", "false")


def test_a_claim_is_whole_and_named_once():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.says and claim.tries and claim.proves for claim in CLAIMS)


@pytest.mark.stack
def test_on_the_local_stack_every_step_runs_and_nothing_counts_as_proven(stack, tmp_path, capsys):
    with Demo(stack) as demo:
        demo.signup_saml()
        key = stack.manage("create_api_key", "--organization", demo.organization, "--owner", "alice@alder.example")
        (tmp_path / "key").write_text(key)
        where = ["--portal", stack.layout.portal, "--edge", stack.layout.edge, "--organization", demo.organization]
        files = ["--key-file", str(tmp_path / "key"), "--json", str(tmp_path / "findings.json")]
        status = main([*where, *files, "--patience", "120"])
    printed = capsys.readouterr().out
    findings = json.loads((tmp_path / "findings.json").read_text())
    assert {finding["verdict"] for finding in findings} == {"not provable here"}, printed
    assert status == 2
    assert "never run" in printed
    assert key not in printed
    seen = {finding["claim"]: finding["seen"] for finding in findings}
    assert [name for name, why in seen.items() if "there:" not in why] == ["agent"]


@pytest.mark.stack
def test_the_deployments_own_checks_pass_against_a_running_edge(stack, monkeypatch):
    """The steps that need no account, for real: the cell is registered again, both doors are asked."""
    for name, value in stack.layout.django_environment().items():
        monkeypatch.setenv(name, value)
    from controlplane import edge_keys, environment

    cell, edge = "lo", stack.layout.edge
    options = {"id": cell, "base-url": edge, "dashboard-zone": stack.layout.dashboard_zone, "runtime": "stand-in"}
    options["versions"] = ",".join(stack.layout.versions)
    steps = [
        Step("register", "manage", "", ("create_cell", *(f"--{name}={value}" for name, value in options.items()))),
        Step("ready", "ready", "", (edge,), expects=(cell, "stand-in")),
        Step("door", "door", "", (cell, edge)),
    ]
    environment.environment.cache_clear()
    edge_keys.signing_key.cache_clear()
    printed: list[str] = []
    try:
        assert Runner({}, say=printed.append).run(steps), printed
    finally:
        monkeypatch.undo()
        environment.environment.cache_clear()
        edge_keys.signing_key.cache_clear()
    assert any("cell lo updated" in line for line in printed)
    assert doors.readiness(edge)["cell"] == cell
