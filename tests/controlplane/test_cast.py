"""The cast stands where the other tests believe it stands."""

import pytest

from controlplane import rls
from tests.cast import actor_for, role_of

ROLES = {"alice": "owner", "bob": "operator", "vera": "viewer", "maria": "operator", "mallory": None}


@pytest.mark.parametrize(("name", "role"), ROLES.items())
def test_everybody_has_the_role_the_tests_rely_on(request, acme, rival, name, role):
    actor = actor_for(request.getfixturevalue(name))
    with rls.acting_as(actor.rls_actor):
        assert role_of(actor, acme) == role
