"""Whom a directory takes away loses what they had opened at the edge; it is told there until it is confirmed."""

import datetime as dt
import json

import httpx
import pytest

from controlplane import rls
from organizations.actions import keys
from tenants.access import queries
from tests.cast import actor_for, join, person
from tests.database import all_rows
from tests.organizations.scim.directories import directory_of, provisioned
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db

INACTIVE = {"op": "Replace", "path": "active", "value": "False"}


def test_deactivation_is_told_to_the_edge_and_pending_until_it_has_confirmed(
    running, edge, acme, alice, bob, alice_acts
):
    connection, directory = directory_of(acme, alice)
    path = provisioned(connection, directory, bob)
    deliver()
    directory.patch(path, INACTIVE)
    for _ in range(4):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert [each.terms for each in queries.pending_revocations(alice_acts, running)] == [{"subject": bob.pk}]
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert not queries.pending_revocations(alice_acts, running).exists()
    told = [json.loads(each.content) for each in edge.requests if "revocations" in each.url.path]
    assert {each["subject"] for each in told} == {bob.pk}


def test_a_key_of_theirs_is_ended_there_too(running, edge, acme, msp, alice, alice_acts):
    ada = person("ada")
    join(acme, invited_by=alice, user=ada, role="admin")
    with rls.acting_as(actor_for(ada).rls_actor):
        key, _ = keys.create(
            by=actor_for(ada), organization=acme, name="k", scopes=["tenant.view"], expires_in=dt.timedelta(days=1)
        )
    connection, directory = directory_of(acme, alice)
    directory.send("DELETE", provisioned(connection, directory, ada))
    deliver()
    told = [json.loads(each.content) for each in edge.requests if "revocations" in each.url.path]
    assert any(each.get("session") == key.pk for each in told)
    assert any(each.get("subject") == ada.pk for each in told)
    with all_rows():
        key.refresh_from_db()
    assert key.revoked_at is not None
