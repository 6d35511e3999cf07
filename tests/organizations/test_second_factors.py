"""What an identity provider says of a second factor, and when it counts."""

from typing import Any

import pytest

from controlplane import rls
from organizations.actions import connections
from organizations.models import Connection, Organization, User
from organizations.sso.saml import metadata
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_oidc, link
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp
from tests.organizations.test_entering import demand, session

pytestmark = pytest.mark.django_db(transaction=True)

MODES: list[tuple[bool, list[str], dict[str, Any], bool]] = [
    (False, [], {"amr": ["mfa"]}, False),
    (True, [], {}, True),
    (True, ["mfa"], {"amr": ["pwd", "mfa"]}, True),
    (True, ["urn:okta:loa:2fa:any"], {"acr": "urn:okta:loa:2fa:any"}, True),
    (True, ["mfa"], {"amr": ["pwd"]}, False),
    (True, ["mfa"], {"amr": "mfa-not"}, False),
    (True, ["mfa"], {}, False),
]


@pytest.mark.parametrize(("trusted", "values", "says", "let_in"), MODES)
def test_a_providers_second_factor_counts_as_the_organization_says(
    acme: Organization,
    alice: User,
    visitor: Browser,
    web: dict[str, Any],
    trusted: bool,
    values: list[str],
    says: dict[str, Any],
    let_in: bool,
) -> None:
    idp = OidcIdp(issuer="https://login.acme.example")
    web[idp.host] = idp.answer
    connection = add_oidc(actor_for(alice), acme, idp)
    with all_rows():
        Connection.objects.filter(pk=connection.pk).update(does_second_factor=trusted, second_factor_values=values)
    visitor.cookies = session(alice).cookies
    location = visitor.begin(f"/sso/{connection.pk}/link/")
    visitor.get(f"/sso/oidc/{connection.pk}/callback/?{idp.authorize(location)}")
    demand(acme, require_second_factor=True)
    # User details are not signed: whatever they say counts for nothing.
    idp.claims, idp.details = says, {"amr": ["mfa"], "acr": "urn:okta:loa:2fa:any"}
    another = Browser()
    another.through_oidc(idp, connection.pk)
    assert another.get(f"/o/{acme.pk}/members/").status_code == (200 if let_in else 302)


REFEDS = "https://refeds.org/profile/mfa"
MULTIPLE = "http://schemas.microsoft.com/claims/multipleauthn"
MICROSOFT = (
    '<saml:Attribute Name="email"><saml:AttributeValue>alice@acme.example</saml:AttributeValue></saml:Attribute>'
    '<saml:Attribute Name="http://schemas.microsoft.com/claims/authnmethodsreferences">'
    "<saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>"
)


@pytest.mark.parametrize(
    ("values", "says", "let_in"),
    [
        ([REFEDS], {"context": REFEDS}, True),
        ([REFEDS], {}, False),
        ([MULTIPLE], {"attributes": MICROSOFT.format(MULTIPLE)}, True),
        ([MULTIPLE], {"attributes": MICROSOFT.format("http://schemas.microsoft.com/claims/password")}, False),
        ([], {}, True),
    ],
)
def test_so_does_what_a_saml_assertion_says(
    acme: Organization, alice: User, visitor: Browser, saml_idp: SamlIdp, values: list[str], says: dict, let_in: bool
) -> None:
    with rls.acting_as(actor_for(alice).rls_actor):
        connection = connections.add_saml(
            by=actor_for(alice), organization=acme, name="SAML", metadata=metadata.parse(saml_idp.metadata())
        )
    with all_rows():
        Connection.objects.filter(pk=connection.pk).update(does_second_factor=True, second_factor_values=values)
    visitor.cookies = session(alice).cookies
    link(visitor, saml_idp, connection)
    demand(acme, require_second_factor=True)
    another = Browser()
    another.through_saml(saml_idp, connection, **says)
    assert another.get(f"/o/{acme.pk}/members/").status_code == (200 if let_in else 302)
