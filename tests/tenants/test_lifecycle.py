"""Pure decisions: what is wanted, what comes next, what people see."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.provisioning import lifecycle
from tenants.provisioning.lifecycle import Action, next_step, status_of
from tenants.provisioning.sighting import OBSERVED, Run, Sighting

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
AIMS = ["running", "stopped", "deleted"]
STATUSES = {"provisioning", "running", "attention", "stopping", "stopped", "failed", "binned", "deleted"}


@dataclass(frozen=True)
class Intent:
    fence: tuple[int, int]
    ever_sent: bool = True
    halted_at: dt.datetime | None = None


def sighting(
    fence: tuple[int, int], requested: str = "running", observed: str = "starting", reached: int = 0, run: str = ""
) -> Sighting:
    seen_run = Run("op_x", "start", run, ()) if run else None
    return Sighting("t", *fence, requested, observed, reached, None, 1, seen_run)


fences = st.tuples(st.integers(1, 3), st.integers(1, 5))
sightings = st.builds(
    sighting,
    fences,
    st.sampled_from(AIMS),
    st.sampled_from(sorted(OBSERVED)),
    st.integers(0, 5),
    st.sampled_from(["", "running", "succeeded", "failed", "cancelled"]),
)
intents = st.builds(Intent, fences, st.just(True), st.sampled_from([None, NOW]))


@pytest.mark.parametrize(
    ("requested", "suspended", "aim"),
    [
        ("running", False, "running"),
        ("running", True, "stopped"),
        ("stopped", True, "stopped"),
        ("deleted", True, "deleted"),
    ],
)
def test_suspension_stops_what_should_run_and_nothing_else(requested, suspended, aim):
    assert lifecycle.wanted(requested, SimpleNamespace(suspended=suspended), in_bin=False) == aim


@pytest.mark.parametrize(("requested", "aim"), [("running", "stopped"), ("stopped", "stopped"), ("deleted", "deleted")])
def test_in_the_recycle_bin_nothing_runs(requested, aim):
    assert lifecycle.wanted(requested, SimpleNamespace(suspended=False), in_bin=True) == aim


@given(intents, st.sampled_from(AIMS), st.none() | sightings)
def test_every_situation_has_a_decision_with_a_reason(intent, aim, seen):
    decision = next_step(intent, aim, seen)
    assert decision.action in Action
    assert decision.reason


@given(intents, st.sampled_from(AIMS), sightings)
def test_nothing_is_sent_under_an_older_fence_than_the_edge_holds(intent, aim, seen):
    if seen.fence > intent.fence:
        assert next_step(intent, aim, seen).action == Action.HALT


@given(intents, st.sampled_from(AIMS), sightings)
def test_what_the_edge_has_already_is_not_sent_again(intent, aim, seen):
    if seen.fence == intent.fence:
        assert next_step(intent, aim, seen).action not in (Action.SEND, Action.ERASE)


@given(intents, st.sampled_from(AIMS), st.none() | sightings)
def test_what_was_given_up_is_not_acted_on(intent, aim, seen):
    decision = next_step(replace(intent, halted_at=NOW), aim, seen)
    assert decision.action in (Action.REST, Action.HALT)


@given(intents, sightings)
def test_only_what_is_erased_under_our_own_fence_is_buried(intent, seen):
    if next_step(intent, "deleted", seen).action == Action.BURY:
        assert (seen.observed, seen.requested, seen.fence) == ("absent", "deleted", intent.fence)


def test_a_tenant_that_never_left_here_needs_no_stop_but_a_tombstone():
    never = Intent((1, 0), ever_sent=False)
    assert next_step(never, "stopped", None).action == Action.REST
    assert next_step(never, "deleted", None).action == Action.ERASE


def test_the_edge_loses_a_tenant_and_gets_it_again():
    assert next_step(Intent((1, 3)), "running", None).action == Action.SEND


class Edge:
    """A model of the edge's fence and runs; `taken` counts how often something was accepted under each fence."""

    def __init__(self) -> None:
        self.seen: Sighting | None = None
        self.taken: Counter[tuple[int, int]] = Counter()

    def take(self, fence: tuple[int, int], aim: str) -> None:
        if self.seen is None or self.seen.fence < fence:
            self.taken[fence] += 1
            self.seen = sighting(fence, aim, "starting", run="running")

    def end(self, run: str) -> None:
        if self.seen is not None and self.seen.run.state == "running":
            reached = {"running": "running", "stopped": "stopped", "deleted": "absent"}[self.seen.requested]
            observed = reached if run == "succeeded" else "failed"
            self.seen = sighting(self.seen.fence, self.seen.requested, observed, self.seen.generation, run)


# What happens: somebody asks for something else; a call has its effect, with or without an answer, or has none; a copy
# of an older call arrives; the run at the edge ends; the edge tells how it is, forgets the tenant, or is set back.
events = st.sampled_from(["ask", "answered", "lost", "cut", "copy", "succeeded", "failed", "told", "forgot", "back"])


@given(st.lists(st.tuples(events, st.sampled_from(AIMS)), max_size=30))
def test_whatever_goes_wrong_on_the_way_the_decisions_lead_to_what_was_asked_last(weather):
    edge, intent, aim, known = Edge(), Intent((1, 1)), "running", None
    sent, before = [], None
    for event, other in [*weather, *[("told", ""), ("answered", ""), ("succeeded", "")] * 2, ("told", "")]:
        retried = known is not None and known.fence == intent.fence and known.observed == "failed"
        if (event == "ask" and aim != "deleted") or (event == "told" and retried):
            aim = other or aim
            intent = Intent((1, intent.fence[1] + 1))
        if event in ("answered", "lost", "cut"):
            decision = next_step(intent, aim, known)
            assert decision.action != Action.HALT, "nobody else writes under a newer fence"
            if decision.action in (Action.SEND, Action.ERASE) and event != "cut":
                sent.append((intent.fence, aim))
                edge.take(intent.fence, aim)
        if event == "copy" and sent:
            edge.take(*sent[len(sent) // 2])
        if event in ("succeeded", "failed"):
            edge.end(event)
        if event in ("forgot", "back") and aim != "deleted":
            edge.seen, before = (None if event == "forgot" else before), edge.seen
            edge.taken.clear()
            sent.clear()
        if event in ("answered", "told"):
            known = edge.seen
        assert all(times == 1 for times in edge.taken.values()), "something had its effect twice"
    assert next_step(intent, aim, edge.seen).action == (Action.BURY if aim == "deleted" else Action.REST)
    assert lifecycle.is_reached(aim, intent.fence, edge.seen)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_a_minute_and_never_beyond(attempts, jitter):
    seconds = lifecycle.delay_after(attempts, jitter).total_seconds()
    assert 0.25 <= seconds <= 60
    assert lifecycle.delay_after(attempts, 0) <= lifecycle.delay_after(attempts, 1)


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=5), st.sampled_from(AIMS))
def test_the_fingerprint_depends_on_content_and_not_on_order(spec, aim):
    turned = dict(reversed(spec.items()))
    assert lifecycle.spec_hash(aim, spec) == lifecycle.spec_hash(aim, turned)
    assert lifecycle.spec_hash(aim, spec) != lifecycle.spec_hash("other", spec)
    assert lifecycle.spec_hash(aim, spec) != lifecycle.spec_hash(aim, {**spec, "more": 1})


SILENT = {"code": "AGENTS_SILENT", "message": "1 of 3 agents is silent.", "hint": "Look at it."}


def recorded(**more: Any) -> SimpleNamespace:
    view = {
        "generation": 2,
        "requested": "running",
        "certificate": {"not_after": "2027-11-20T12:00:00Z"},
        "agents": {"enrolled": 2, "active": 2},
        **more.pop("view", {}),
    }
    facts = {
        "requested": "running",
        "observed": "running",
        "observed_generation": 2,
        "generation": 2,
        "sent_hash": "x",
        "next_attempt_at": NOW,
        "halted_at": None,
        "deleted_at": None,
        "in_bin": False,
        "edge_view": view,
        **more,
    }
    return SimpleNamespace(**facts)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, "running"),
        ({"deleted_at": NOW}, "deleted"),
        ({"halted_at": NOW}, "failed"),
        ({"observed": "failed"}, "failed"),
        ({"observed": "failed", "generation": 3}, "provisioning"),
        ({"observed": "degraded"}, "attention"),
        ({"observed": "unknown"}, "attention"),
        ({"observed": "starting", "observed_generation": 1}, "provisioning"),
        ({"observed": "absent", "observed_generation": 0, "generation": 0, "sent_hash": ""}, "provisioning"),
        ({"observed": "absent", "generation": 0, "sent_hash": "", "next_attempt_at": None}, "stopped"),
        ({"sent_hash": "", "view": {"requested": "stopped"}, "observed": "stopped"}, "provisioning"),
        ({"requested": "stopped", "sent_hash": ""}, "stopping"),
        ({"requested": "stopped", "observed": "stopped", "view": {"requested": "stopped"}}, "stopped"),
        ({"requested": "running", "observed": "stopped", "view": {"requested": "stopped"}}, "stopped"),
        ({"requested": "deleted"}, "stopping"),
        ({"in_bin": True}, "binned"),
        ({"in_bin": True, "halted_at": NOW}, "failed"),
        ({"in_bin": True, "requested": "deleted"}, "stopping"),
        ({"view": {"certificate": {"not_after": "2026-11-25T12:00:00Z"}}}, "attention"),
        ({"view": {"attention": [SILENT]}}, "attention"),
    ],
)
def test_people_see_one_plain_word(facts, status):
    assert status_of(recorded(**facts), NOW) == status


@given(
    st.sampled_from(AIMS),
    st.sampled_from(sorted(OBSERVED)),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(AIMS),
    st.sampled_from(["", "x"]),
)
def test_every_state_has_a_word(requested, observed, reached, generation, told, sent):
    facts = recorded(
        requested=requested,
        observed=observed,
        observed_generation=reached,
        generation=generation,
        sent_hash=sent,
        view={"requested": told},
    )
    assert status_of(facts, NOW) in STATUSES


def test_the_reasons_for_attention_say_what_is_the_matter():
    view = {"certificate": {"not_after": "2026-11-25T12:00:00Z"}, "attention": [SILENT]}
    reasons = lifecycle.attention(recorded(view=view | {"reason": {"code": "KEY_MISSING"}}), NOW)
    assert reasons.pop(0)["code"] == "KEY_MISSING"
    assert [reason["message"] for reason in reasons] == ["The certificates end in 5 days.", "1 of 3 agents is silent."]
