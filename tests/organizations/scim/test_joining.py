"""Whom a directory tells of joins at the first sign-in, and nobody else by that way."""

from organizations.models import (
    Connection,
    DirectoryUser,
    Membership,
    Organization,
    User,
)
from tests.cast import actor_for, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, audited, prove, refusals
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient
from tests.organizations.scim.steps import INACTIVE, enters, map_groups, membership_of, name_people, sign_in, tie


class TestJoining:
    def test_who_is_in_the_directory_joins_by_signing_in(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp
    ) -> None:
        made = scim.user("ann@acme.example", externalId="ann")
        assert membership_of(own, "ann@acme.example") is None
        assert enters(sign_in(own_idp, own), own)
        joined = membership_of(own, "ann@acme.example")
        assert joined is not None
        assert joined.role == "viewer"
        with all_rows():
            assert DirectoryUser.objects.get(pk=made["id"]).user_id == joined.user_id
            # No domain is proven here: what the provider says is a label.
            assert not User.objects.get(pk=joined.user_id).email_verified

    def test_who_is_not_in_it_does_not(self, scim: ScimClient, own: Connection, own_idp: OidcIdp) -> None:
        scim.user("ann@acme.example", externalId="somebody else")
        browser = sign_in(own_idp, own)
        assert not browser.is_signed_in
        assert refusals(own.organization_id) == ["NOT_A_MEMBER"]

    def test_an_address_ties_nobody_to_an_account(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        """The attack: a directory claims somebody's address to take over, or to throw out, their account."""
        made = scim.user(bob.email, externalId="x", emails=[{"value": bob.email, "primary": True}])
        scim.patch(f"/Users/{made['id']}", INACTIVE)
        scim.send("DELETE", f"/Users/{made['id']}")
        with all_rows():
            assert Membership.objects.get(user=bob).blocked_at is None
            assert not DirectoryUser.objects.exclude(user=None).exists()
        scim.user(bob.email, externalId="mallet")
        sign_in(own_idp, own, sub="mallet", email=bob.email)
        with all_rows():
            assert DirectoryUser.objects.exclude(user=None).get().user_id != bob.pk

    def test_whom_the_connection_knows_already_becomes_a_member_at_once(
        self, scim: ScimClient, own: Connection
    ) -> None:
        carla = person("carla")
        tie(carla, own, "carla-sub")
        scim.user("carla@acme.example", externalId="carla-sub")
        joined = membership_of(own, "carla@acme.example")
        assert joined is not None
        assert joined.user_id == carla.pk
        created = [each for each in audited(own.organization_id) if each.action == "organizations.membership.create"]
        assert created[-1].actor["kind"] == "scim"

    def test_a_member_is_tied_by_what_the_connection_calls_them(
        self, scim: ScimClient, own: Connection, bob: User
    ) -> None:
        tie(bob, own, "bob-sub")
        scim.user("bob@acme.example", externalId="bob-sub")
        known = membership_of(own, "bob@acme.example")
        assert known is not None
        assert (known.user_id, known.role) == (bob.pk, "operator")

    def test_by_user_name_where_the_organization_says_so(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        name_people(alice, own, "userName")
        scim.user("Ann@Acme.Example", externalId="unrelated")
        assert enters(sign_in(own_idp, own, sub="ann@acme.example", email="ann@acme.example"), own)

    def test_by_a_claim_where_the_organization_says_so(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        name_people(alice, own, "externalId", "oid")
        scim.user("ann@acme.example", externalId="object-1")
        assert not sign_in(own_idp, own, sub="object-1").is_signed_in
        assert enters(sign_in(own_idp, own, sub="pairwise", oid="object-1"), own)

    def test_a_row_that_is_tied_stays_tied(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        """The attack: a second account of the provider chooses the claim by which somebody else is known."""
        name_people(alice, own, "externalId", "nickname")
        scim.user("ann@acme.example", externalId="annie")
        sign_in(own_idp, own, sub="ann", nickname="annie")
        assert not sign_in(own_idp, own, sub="mallet", nickname="annie").is_signed_in

    def test_the_address_is_verified_only_in_a_proven_domain(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User, acme: Organization, zone: Zone
    ) -> None:
        prove(zone, actor_for(alice), acme, "acme.example")
        scim.user("ann@acme.example", externalId="ann")
        scim.user("eve@acme.example", externalId="eve")
        sign_in(own_idp, own)
        sign_in(own_idp, own, sub="eve", email_verified=False)
        with all_rows():
            found = dict(User.objects.filter(email__endswith="@acme.example").values_list("email", "email_verified"))
        assert found == {"ann@acme.example": True, "eve@acme.example": False}

    def test_who_is_tied_later_gets_what_the_groups_say(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        map_groups(own)
        scim.group("SOC", scim.user("bob@acme.example", externalId="bob-sub"))
        browser = Browser()
        browser.cookies = session_of(bob).cookies
        own_idp.person = {"sub": "bob-sub", "email": "bob@acme.example"}
        location = browser.begin(f"/sso/{own.pk}/link/")
        browser.get(f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(location)}")
        with all_rows():
            assert Membership.objects.get(user=bob).role == "admin"
