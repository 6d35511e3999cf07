"""Every change and every refusal is in the trail of the organization it concerns."""

from collections.abc import Iterator
from itertools import islice

import pytest
from django.db import transaction

from controlplane import refusals
from controlplane.models import AuditEntry
from tests.database import all_rows
from tests.isolation import test_matrix
from tests.isolation.rules import Rule
from tests.isolation.test_matrix import CASES, dns_is_empty, edge_is_away, may, send, visitors_of
from tests.isolation.world import World, world
from tests.remembered import _rows

pytestmark = pytest.mark.postgres
__all__ = ["dns_is_empty", "edge_is_away", "world"]

CHANGING = [case for case in CASES if case[1] != "GET"]
# What these hold is no change of what anybody has or may: the row says that something is on its way or was counted.
BOOKKEEPING = {
    "controlplane_rememberedanswer": "answers by Idempotency-Key",
    "controlplane_mail": "mails on their way, about what is audited itself",
    "controlplane_message": "what follows from a change, such as a mail or a call to the edge",
    "controlplane_delivery": "the same on its way",
    "django_session": "what a browser has at the moment",
    "organizations_guesscount": "counted tries",
    "organizations_mailedcode": "codes that were mailed to whoever asked, before anybody is signed in",
    "organizations_personsession": "when a session was used last",
    "organizations_signinattempt": "sign-ins that have begun; how they end is audited",
}
PARTS_THAT_MOVE = {
    "organizations_authenticator": "one that was begun; that it counts from now on is audited",
    "organizations_signintest": "one that was begun; how it ended is audited",
    "organizations_apikey": "when a key was used last",
    "organizations_scimtoken": "when a provisioning token was used last",
    "organizations_user": "when a person signed in last",
    "tenants_statussubscription": "an address that anybody asked for; that it is told from now on is audited",
    "organizations_hostname": "when a record was looked for last; what was found is audited where it differs",
    "organizations_mailsender": "when DNS was asked last; what was found is audited where it differs",
    "organizations_domain": "when a record was looked for last; what was found is audited where it differs",
}


class Watched:
    """
    What one request changed and wrote into the trail, looked at before it is undone.

    Args: every_table: whether to look at what changed as well, which takes its time.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, every_table: bool = False) -> None:
        self.changed: set[str] = set()
        self.entries: list[AuditEntry] = []
        self._rows, self._known = _rows() if every_table else {}, self._ids()
        undo = transaction.set_rollback

        def look(rollback: bool) -> None:
            rows = _rows() if every_table else {}
            self.changed = {table for table in rows if set(rows[table]) != set(self._rows[table])}
            with all_rows():
                self.entries = list(AuditEntry.objects.exclude(pk__in=self._known))
            undo(rollback)

        monkeypatch.setattr(test_matrix.transaction, "set_rollback", look)

    @staticmethod
    def _ids() -> set[str]:
        with all_rows():
            return set(AuditEntry.objects.values_list("pk", flat=True))


@pytest.fixture
def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    with monkeypatch.context() as patch:
        yield Watched(patch, every_table=True)


@pytest.mark.parametrize(
    ("address", "method", "rule"), CHANGING, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_changes_something_leaves_an_entry(
    world: World, watched: Watched, address: str, method: str, rule: Rule
) -> None:
    send(world, world.visitors["alice"], address, method, rule)
    assert not watched.changed - set(BOOKKEEPING) - set(PARTS_THAT_MOVE) or watched.entries, watched.changed


def _refused() -> list[tuple[str, str, Rule]]:
    return [case for case in CASES if case[2].inside and case[2].permission]


@pytest.mark.parametrize(
    ("address", "method", "rule"), _refused(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_refusal_leaves_an_entry_where_the_asker_belongs_and_none_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str, method: str, rule: Rule
) -> None:
    for visitor in visitors_of(world, address):
        if visitor.name != "alice" and may(visitor, rule):
            continue
        with monkeypatch.context() as patch:
            watched = Watched(patch)
            answer = send(world, visitor, address, method, rule)
        told = [entry for entry in watched.entries if entry.action == refusals.ACTION]
        if answer.status_code == 403 and visitor.role:
            (entry,) = told
            assert entry.organization_id in {world.ids["organization_id"], world.ids_of_msp["organization_id"]}
            assert entry.refused
            assert entry.data["method"] == method
        else:
            assert not told, visitor.name


def test_the_matrix_refuses_and_changes_enough_for_this_to_mean_something(world: World, monkeypatch) -> None:
    def changes(address: str, method: str, rule: Rule) -> bool:
        with monkeypatch.context() as patch:
            watched = Watched(patch)
            send(world, world.visitors["alice"], address, method, rule)
        return bool(watched.entries)

    changing = (case for case in CHANGING if changes(*case))
    assert len(list(islice(changing, 25))) == 25
    inside = [visitor for visitor in world.visitors.values() if visitor.role]
    assert sum(not may(visitor, rule) for _, _, rule in _refused() for visitor in inside) > 100


def test_an_msps_person_who_is_refused_is_named_with_their_grant(world: World, watched: Watched) -> None:
    rule = Rule("audit.view", inside=True)
    send(world, world.visitors["maria"], "/o/{organization_id}/audit/", "GET", rule)
    (entry,) = watched.entries
    assert entry.actor["grant"].startswith("grant_")


def test_somebody_who_asks_again_and_again_does_not_fill_the_trail(world: World, watched: Watched) -> None:
    vera = world.visitors["vera"]
    with transaction.atomic():
        for number in range(refusals.MOST + 5):
            for _ in range(2):
                path = f"/o/{world.ids['organization_id']}/audit/aud_{number}/"
                assert vera.client.get(path).status_code == 403
        transaction.set_rollback(True)
    assert len(watched.entries) == refusals.MOST


def test_a_refusal_keeps_no_secret_that_its_address_holds(world: World, watched: Watched) -> None:
    """The attack: a code that somebody may not answer lies in the trail for everybody who reads it."""
    rule = Rule("organization.manage", inside=True)
    send(world, world.visitors["vera"], "/o/{organization_id}/access/requests/{code}/", "GET", rule)
    (entry,) = watched.entries
    assert entry.target == world.ids["organization_id"]
    assert world.ids["code"] not in str(entry.data)
