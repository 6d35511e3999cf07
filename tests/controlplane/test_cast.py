"""The cast stands where the other tests believe it stands."""

import pytest

from controlplane import audit_chain, rls
from controlplane.models import AuditEntry
from organizations.actions import members
from organizations.models import Membership
from tests.cast import actor_for, role_of

ROLES = {"alice": "owner", "bob": "operator", "vera": "viewer", "maria": "operator", "mallory": None}


@pytest.mark.parametrize(("name", "role"), ROLES.items())
def test_everybody_has_the_role_the_tests_rely_on(request, acme, rival, name, role):
    actor = actor_for(request.getfixturevalue(name))
    with rls.acting_as(actor.rls_actor):
        assert role_of(actor, acme) == role


@pytest.mark.parametrize("_time", ["made", "put back", "put back again"])
def test_who_is_put_back_is_as_if_just_made_and_the_trail_goes_on_from_there(alice, bob, acme, _time):
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        before = AuditEntry.objects.filter(organization_id=acme.pk).count()
        bobs = Membership.objects.get(organization=acme, user=bob)
        members.change_role(by=actor, organization=acme, membership_id=bobs.pk, role="viewer")
        assert audit_chain.verify(acme.pk).breaks == ()
        assert AuditEntry.objects.filter(organization_id=acme.pk).count() == before + 1
        assert role_of(actor_for(bob), acme) == "viewer"
