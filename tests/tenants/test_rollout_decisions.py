"""What a roll-out does next, from its rows and the clock alone."""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.rollouts.deciding import A_FEW, RINGS, Act, decide

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Terms:
    ring: str = "canary"
    soak_hours: int = 24
    failures_allowed: int = 0
    failures_accepted: int = 0


@dataclass
class Target:
    ring: str
    state: str
    hours_ago: float = 0
    busy: bool = False

    @property
    def ended_at(self) -> dt.datetime | None:
        ended = self.state in ("succeeded", "failed", "skipped")
        return NOW - dt.timedelta(hours=self.hours_ago) if ended else None

    @property
    def not_before(self) -> dt.datetime | None:
        return NOW + dt.timedelta(minutes=1) if self.busy else None


CANARY, LATER = Target("canary", "pending"), Target("general", "pending")


@pytest.mark.parametrize(
    ("terms", "targets", "act"),
    [
        (Terms(), [CANARY, LATER], Act.BEGIN),
        (Terms(), [Target("canary", "running"), LATER], Act.WAIT),
        (Terms(), [Target("canary", "pending", busy=True), LATER], Act.WAIT),
        # It soaks from the last one's end, and not where nothing was changed.
        (Terms(), [Target("canary", "succeeded", hours_ago=23), LATER], Act.WAIT),
        (Terms(), [Target("canary", "succeeded", hours_ago=25), LATER], Act.ADVANCE),
        (Terms(), [Target("canary", "skipped"), LATER], Act.ADVANCE),
        (Terms(soak_hours=0), [Target("canary", "succeeded"), LATER], Act.ADVANCE),
        # Nobody waits after the last ring.
        (Terms(ring="general"), [Target("general", "succeeded")], Act.FINISH),
        # Too many failures hold it, once nothing runs any more.
        (Terms(), [Target("canary", "failed"), CANARY, LATER], Act.HOLD),
        (Terms(), [Target("canary", "failed"), Target("canary", "running"), LATER], Act.WAIT),
        (Terms(failures_allowed=1), [Target("canary", "failed"), CANARY], Act.BEGIN),
        (Terms(failures_accepted=1), [Target("canary", "failed"), CANARY], Act.BEGIN),
        (Terms(ring="general"), [Target("general", "failed")], Act.HOLD),
        (Terms(ring="general", failures_allowed=1), [Target("general", "failed")], Act.FINISH),
    ],
)
def test_what_is_next_follows_from_ring_soak_and_failures(terms, targets, act):
    assert decide(terms, targets, NOW).act == act


def test_a_hold_says_why():
    decision = decide(Terms(), [Target("canary", "failed")], NOW)
    assert decision.why == "1 tenant failed in the ring canary. Nothing further was begun."


def test_few_are_begun_at_once():
    targets = [Target("canary", "running")] * 3 + [Target("canary", "pending")] * 50
    assert len(decide(Terms(), targets, NOW).targets) == A_FEW - 3


STATES = ("pending", "running", "succeeded", "failed", "skipped")
TARGETS = st.lists(
    st.builds(
        Target,
        ring=st.sampled_from(RINGS),
        state=st.sampled_from(STATES),
        hours_ago=st.floats(0, 48),
        busy=st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


@given(TARGETS, st.sampled_from(RINGS), st.integers(0, 30), st.integers(0, 3))
def test_no_ring_is_entered_before_the_one_before_is_over_and_soaked(targets, ring, soak, allowed):
    decision = decide(Terms(ring, soak, allowed), targets, NOW)
    here = [each for each in targets if each.ring == ring]
    failed = sum(each.state == "failed" for each in targets)
    if failed > allowed:
        assert decision.act in (Act.HOLD, Act.WAIT)
    if decision.act == Act.BEGIN:
        assert all(each.ring == ring and each.state == "pending" and not each.busy for each in decision.targets)
    if decision.act == Act.ADVANCE:
        assert RINGS.index(decision.ring) > RINGS.index(ring)
        assert all(each.state in ("succeeded", "failed", "skipped") for each in here)
        changed = [each.hours_ago for each in here if each.state in ("succeeded", "failed")]
        assert all(hours >= soak for hours in changed)
    if decision.act == Act.WAIT:
        assert decision.until > NOW


@given(TARGETS)
def test_a_roll_out_that_is_followed_always_comes_to_an_end(targets):
    """As if every operation went well and time went by."""
    targets = [Target(each.ring, "pending") for each in targets]
    terms = Terms(ring=next(ring for ring in RINGS if ring in {each.ring for each in targets}), soak_hours=0)
    for _ in range(3 * len(targets) + 3):
        decision = decide(terms, targets, NOW)
        for each in decision.targets:
            each.state = "succeeded"
        terms = Terms(decision.ring or terms.ring, 0)
        if decision.act == Act.FINISH:
            break
    assert {each.state for each in targets} == {"succeeded"}
    assert decision.act == Act.FINISH


def test_what_knows_no_rings_asks_everybody_however_many_still_wait():
    targets = [Target("canary", "running") for _ in range(3 * A_FEW)] + [CANARY] * (A_FEW + 1)
    assert decide(Terms(), targets, NOW).act == Act.WAIT
    decision = decide(Terms(), targets, NOW, in_rings=False)
    assert (decision.act, len(decision.targets)) == (Act.BEGIN, A_FEW)
