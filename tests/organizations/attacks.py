"""What the suites of attacks on sign-in share: the victim, and what counts as withstood.

Each attack is a real message to a real address. It is answered by a clear page and never by a 5xx, its reason stands in
the audit trail and not on the page, and nobody is signed in. docs/threats.md says what stops each of them.
"""

from typing import Any

import pytest

from controlplane import rls
from organizations.actions import mapping
from organizations.models import Connection, Organization, User
from tests.cast import actor_for
from tests.organizations.conftest import Browser, Zone, add_oidc, prove, refusals
from tests.organizations.oidc_idp import OidcIdp

CLIENT = "portal"


def each(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("attack", table, ids=lambda attack: attack.replace(" ", "-"))


def assert_refused(answer: Any, visitor: Browser, organization_id: str, *codes: str, status: int = 403) -> None:
    """A page that says what to do, the reason for the administrators alone, and nobody signed in."""
    page = answer.content.decode()
    assert answer.status_code == status, page
    assert "Begin again" in page
    assert not visitor.is_signed_in
    found = refusals(organization_id)
    assert len(found) == 1
    assert found[0] in codes


@pytest.fixture
def acmes(acme: Organization, alice: User, own_idp: OidcIdp, zone: Zone) -> Connection:
    """Acme's own connection, by which people of acme.example may join: an attack that succeeds makes a member."""
    own_idp.client_id = CLIENT
    prove(zone, actor_for(alice), acme, "acme.example")
    made = add_oidc(actor_for(alice), acme, own_idp)
    with rls.acting_as(actor_for(alice).rls_actor):
        mapping.set_just_in_time(by=actor_for(alice), organization=acme, connection_id=made.pk, wanted=True)
    own_idp.person = {"sub": "ann", "email": "ann@acme.example", "name": "Ann"}
    return made
