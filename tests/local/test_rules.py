"""The rule engine: what makes an alert, and what only looks as if it did."""

import pytest

from local.nodes.manager.decoder import decode
from local.nodes.manager.rules import RuleEngine, load_rules

FAILED = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for root from 203.0.113.9 port 51514 ssh2"
INVALID = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for invalid user oracle from 203.0.113.9 port 51514 ssh2"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> RuleEngine:
    return RuleEngine(load_rules(), clock)


def rule_of(engine: RuleEngine, line: str, agent: str = "001") -> str | None:
    match = engine.evaluate(agent, decode(line, "/var/log/auth.log"))
    return match.rule.id if match else None


def failed_from(address: str) -> str:
    return FAILED.replace("203.0.113.9", address)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (INVALID, "5710"),
        ("Nov 23 10:00:00 web-1 sshd[1]: Invalid user oracle from 203.0.113.9 port 22", "5710"),
        (FAILED, "5716"),
        (FAILED.replace("Nov 23 10:00:00", "2026-11-23T10:00:00.123456+01:00"), "5716"),
        (FAILED.replace("sshd[4242]", "sshd-session[4242]"), "5716"),
        ("<38>" + FAILED, "5716"),
        ("Nov  3 10:00:00 web-1 sshd[1]: error: PAM: Authentication failure for root from 203.0.113.9", "5716"),
    ],
)
def test_a_failed_login_makes_the_alert_of_its_kind(engine, line, rule) -> None:
    assert rule_of(engine, line) == rule


@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 10:00:00 web-1 sshd[4242]: Accepted password for root from 203.0.113.9 port 51514 ssh2",
        "Nov 23 10:00:00 web-1 sshd[4242]: Connection closed by 203.0.113.9 port 51514",
        FAILED.replace("sshd", "vsftpd"),
        FAILED.replace("sshd", "sshdx"),
        "Nov 23 10:00:00 web-1 sshd[4242]: Password failed: Failed to read the configuration"[:40],
        "Failed password for root from 203.0.113.9 port 51514 ssh2",
        "sshd: invalid user",
        "a word that no rule knows",
        "",
        "\x00\ud83d broken",
    ],
)
def test_a_near_miss_stays_silent(engine, line) -> None:
    assert rule_of(engine, line) is None


def test_source_user_and_port_are_decoded() -> None:
    event = decode(FAILED, "/var/log/auth.log")

    assert event.data == {"dstuser": "root", "srcip": "203.0.113.9", "srcport": "51514"}
    assert decode(INVALID, "").data["srcuser"] == "oracle"
    assert event.predecoder == {"program_name": "sshd", "timestamp": "Nov 23 10:00:00", "hostname": "web-1"}


def test_the_eighth_failure_of_a_source_within_two_minutes_is_brute_force(engine, clock) -> None:
    found = []
    for _ in range(8):
        found.append(rule_of(engine, FAILED))
        clock.now += 17  # the eighth comes 119 s after the first

    assert found == ["5716"] * 7 + ["5763"]


def test_seven_failures_are_not_enough(engine) -> None:
    assert [rule_of(engine, FAILED) for _ in range(7)] == ["5716"] * 7


def test_eight_failures_over_more_than_two_minutes_are_not_enough(engine, clock) -> None:
    for _ in range(8):
        assert rule_of(engine, FAILED) == "5716"
        clock.now += 17.2  # the eighth comes 120.4 s after the first


def test_eight_failures_of_different_sources_or_agents_are_not_enough(engine) -> None:
    assert {rule_of(engine, failed_from(f"203.0.113.{n}")) for n in range(8)} == {"5716"}
    assert {rule_of(engine, FAILED, agent=f"00{n}") for n in range(8)} == {"5716"}


def test_unknown_accounts_do_not_count_as_failures_of_known_ones(engine) -> None:
    assert {rule_of(engine, INVALID) for _ in range(8)} == {"5710"}


def test_brute_force_is_told_once_a_minute_and_needs_eight_more(engine, clock) -> None:
    first = [rule_of(engine, FAILED) for _ in range(20)]
    assert first.count("5763") == 1

    clock.now += 61
    again = [rule_of(engine, FAILED) for _ in range(8)]
    assert again == ["5716"] * 7 + ["5763"]


def test_a_brute_force_alert_holds_the_lines_before_it(engine) -> None:
    for number in range(7):
        rule_of(engine, FAILED.replace("51514", f"5000{number}"))

    match = engine.evaluate("001", decode(FAILED, ""))

    assert [line.split()[-2] for line in match.previous] == [f"5000{number}" for number in range(7)]


def test_sources_are_forgotten_before_they_fill_the_memory(engine, monkeypatch) -> None:
    monkeypatch.setattr("local.nodes.manager.rules.MAX_SOURCES", 3)
    for _ in range(7):
        rule_of(engine, FAILED)
    for number in range(4):
        rule_of(engine, failed_from(f"198.51.100.{number}"))

    assert rule_of(engine, FAILED) == "5716", "the oldest source started anew"
