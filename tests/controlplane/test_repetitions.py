"""Refusals that are repeated: the first is told at once, the others become one entry with their number."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from controlplane import audit, repetitions, rls
from controlplane.actor import Actor
from controlplane.audit_chain import verify
from controlplane.models import AuditEntry, Message, RefusalCount
from tests.database import all_rows

pytestmark = pytest.mark.django_db

BY = Actor.nobody(address="192.0.2.7")
LATER = repetitions.WINDOW + timedelta(seconds=1)


def refuse(times: int = 1, *, chain: str | None = None, **more: Any) -> None:
    content = {"action": "tests.thing.refuse", "target": "thing", "data": {"code": "NO"}, **more}
    for _ in range(times):
        repetitions.note(by=BY, organization_id=chain, **content)


def trail(chain: str = "platform") -> list[AuditEntry]:
    with rls.acting_as("platform" if chain == "platform" else f"org:{chain}"):
        return list(AuditEntry.objects.filter(organization_id=chain, refused=True).order_by("position"))


def test_a_thousand_refusals_are_two_entries():
    refuse(1000)
    assert [entry.data for entry in trail()] == [{"code": "NO"}]
    assert repetitions.settle(timezone.now()) == 0
    assert repetitions.settle(timezone.now() + LATER) == 1
    first, counted = trail()
    assert first.actor["address"] == "192.0.2.7"
    assert (counted.data["code"], counted.data["times"]) == ("NO", 999)
    assert counted.data["since"] <= counted.created_at.isoformat()
    assert repetitions.settle(timezone.now() + LATER) == 0
    assert verify("platform").holds


def test_one_refusal_is_one_entry():
    refuse()
    repetitions.settle(timezone.now() + LATER)
    assert len(trail()) == 1
    with all_rows():
        assert not RefusalCount.objects.exists()


def test_what_is_refused_after_the_window_begins_another_also_before_anybody_settled_the_first():
    refuse(3)
    with all_rows():
        RefusalCount.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    refuse()
    assert [entry.data.get("times") for entry in trail()] == [None, 2, None]


@pytest.mark.parametrize(
    "other", [{"data": {"code": "NEVER"}}, {"target": "another"}, {"action": "tests.other.refuse"}], ids=str
)
def test_another_kind_has_entries_of_its_own(other):
    refuse(2)
    refuse(2, **other)
    assert len(trail()) == 2


def test_each_chain_counts_for_itself(acme, rival):
    for chain in (None, acme.pk, rival.pk):
        refuse(3, chain=chain)
    repetitions.settle(timezone.now() + LATER)
    for chain in ("platform", acme.pk, rival.pk):
        assert [entry.data.get("times") for entry in trail(chain)] == [None, 2], chain
        assert verify(chain).holds


def test_words_of_the_refused_do_not_make_it_another_kind():
    for number in range(5):
        refuse(data={"code": "NO", "reason": f"word {number}"})
    assert [entry.data["reason"] for entry in trail()] == ["word 0"]


def test_it_is_written_although_the_request_is_rolled_back():
    with audit.keeping_refusals():
        try:
            with transaction.atomic():
                refuse(2)
                raise ValueError
        except ValueError:
            pass
    assert len(trail()) == 1
    with all_rows():
        assert RefusalCount.objects.get().repeats == 1


def test_a_fact_goes_with_each_entry():
    refuse(4, topic="tests.thing.refused")
    repetitions.settle(timezone.now() + LATER)
    with all_rows():
        told = [message.payload for message in Message.objects.order_by("created_at")]
    assert [(fact["first"], fact["times"], fact["address"]) for fact in told] == [
        (True, 0, "192.0.2.7"),
        (False, 3, ""),
    ]
