"""Two at once in the inbox: what is locked, and in which order, decides."""

from collections.abc import Callable

import pytest

from controlplane import rls
from controlplane.problems import Conflict
from fleet.alerts import actions, reading
from fleet.alerts.models import Alert
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, mark
from tests.fleet.alerts.test_inbox import handle
from tests.organizations.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def handling(person, organization, ids: list[str], act: str) -> Callable[[], object]:
    def call() -> object:
        by = actor_for(person)
        with rls.acting_as(by.rls_actor):
            return actions.handle(by=by, organization=organization, alert_ids=ids, act=act)

    return call


def test_an_alert_that_is_reopened_while_the_same_comes_again_is_open_once(office, bring, edge, acme, alice):
    for _ in range(5):
        bring(office)
        (newest,) = (alert for alert in alerts() if alert.state != "closed")
        handle(alice, acme, [newest], "close")
        edge.alert(office.pk)
        mark(office)
        reopened, read = at_once(
            handling(alice, acme, [newest.pk], "reopen"),
            lambda: reading.read(office.organization_id, office.pk),
        )
        assert isinstance(reopened, actions.Handled | Conflict), reopened
        assert read is None
        with all_rows():
            (to_do,) = Alert.objects.filter(state__in=Alert.TO_DO)
        assert (to_do.pk == newest.pk) == isinstance(reopened, actions.Handled)
        handle(alice, acme, [to_do], "close")


def test_two_who_handle_the_same_alerts_in_other_orders_do_not_wait_for_each_other(office, bring, acme, alice, bob):
    for number in range(12):
        bring(office, rule=str(number))
    ids = [alert.pk for alert in alerts()]
    for act in ("close", "reopen", "acknowledge"):
        results = at_once(handling(alice, acme, ids, act), handling(bob, acme, ids[::-1], act))
        done = [len(each.changed) for each in results if isinstance(each, actions.Handled)]
        assert done == [len(ids)], results
        assert sum(isinstance(each, Conflict) for each in results) == 1
