"""A test sign-in runs the real protocol, shows what came, and changes nothing."""

from typing import Any

import pytest

from organizations.models import Connection, Membership, Organization, SignInTest, User
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_oidc, add_saml, audited, by_session
from tests.organizations.oidc_idp import OTHER_KEY, OidcIdp
from tests.organizations.saml_idp import OTHER_PAIR, Asked, SamlIdp

GROUPS = (
    '<saml:Attribute Name="groups"><saml:AttributeValue>soc-admins</saml:AttributeValue>'
    "<saml:AttributeValue>all-staff</saml:AttributeValue></saml:Attribute>"
)
MAIL = '<saml:Attribute Name="mail"><saml:AttributeValue>ann@acme.example</saml:AttributeValue></saml:Attribute>'


@pytest.fixture
def saml(alice_by_platform: Browser, saml_idp: SamlIdp) -> Connection:
    """A connection of the organization that alice founded."""
    return add_saml(alice_by_platform, saml_idp)


@pytest.fixture
def oidc(alice_by_platform: Browser, own_idp: OidcIdp) -> Connection:
    actor, organization = by_session(alice_by_platform)
    return add_oidc(actor, organization, own_idp)


def everything() -> list[Any]:
    """What a test may not change."""
    with all_rows():
        return [
            list(User.objects.order_by("pk").values()),
            list(Membership.objects.order_by("pk").values()),
            list(Connection.objects.values("proven_at", "state", "mapping")),
        ]


def last_test() -> SignInTest:
    with all_rows():
        return SignInTest.objects.first()


def test_by_saml_it_shows_every_attribute_and_the_role_that_groups_would_give(
    alice_by_platform: Browser, saml: Connection, saml_idp: SamlIdp
) -> None:
    with all_rows():
        Connection.objects.update(role_rules=[{"group": "soc-admins", "role": "admin"}], just_in_time=True)
    before, session = everything(), dict(alice_by_platform.session)
    page = alice_by_platform.test_saml(saml_idp, saml, attributes=MAIL + GROUPS).content.decode()
    for words in ("Passed", "ann@acme.example", "soc-admins", "Group, gives a role", "No role", "Signature is valid"):
        assert words in page, words
    assert "the address is in no proven domain" in page
    assert everything() == before
    assert alice_by_platform.session["_auth_user_id"] == session["_auth_user_id"]
    assert alice_by_platform.session["proofs"] == session["proofs"]


def test_by_openid_connect_it_shows_claims_and_that_nobody_would_come_in(
    alice_by_platform: Browser, oidc: Connection, own_idp: OidcIdp
) -> None:
    own_idp.person = {"sub": "ann", "email": "ann@acme.example", "name": "Ann", "department": "IT", "groups": ["x"]}
    before = everything()
    page = alice_by_platform.test_oidc(own_idp, oidc).content.decode()
    for words in ("Passed", "ann@acme.example", "department", "Not used", "not a member, and joining is off"):
        assert words in page, words
    assert everything() == before
    assert last_test().claims["department"] == ["IT"]
    assert "nonce" not in last_test().claims


def test_a_tied_member_is_shown_with_their_present_role(
    alice_by_platform: Browser, oidc: Connection, own_idp: OidcIdp
) -> None:
    location = alice_by_platform.begin(f"/sso/{oidc.pk}/link/")
    alice_by_platform.get(f"/sso/oidc/{oidc.pk}/callback/?{own_idp.authorize(location)}")
    page = alice_by_platform.test_oidc(own_idp, oidc).content.decode()
    assert "Comes in" in page
    assert "Owner" in page


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"pair": OTHER_PAIR}, "SAML_INVALID"),
        ({"audience": "https://elsewhere.example/"}, "SAML_INVALID"),
        ({"email": None}, "SAML_NO_EMAIL"),
    ],
)
def test_by_saml_it_tells_why_an_answer_was_refused(
    alice_by_platform: Browser, saml: Connection, saml_idp: SamlIdp, lie: dict[str, Any], code: str
) -> None:
    page = alice_by_platform.test_saml(saml_idp, saml, **lie)
    assert page.status_code == 200
    test = last_test()
    assert (test.outcome, test.code) == ("refused", code)
    assert f"{code}." in page.content.decode()
    entry = audited(saml.organization_id)[-1]
    assert (entry.action, entry.data["code"]) == ("organizations.connection.test", code)


def test_without_an_address_it_still_shows_what_was_sent_so_that_the_claim_can_be_chosen(
    alice_by_platform: Browser, saml: Connection, saml_idp: SamlIdp
) -> None:
    upn = '<saml:Attribute Name="upn"><saml:AttributeValue>ann@acme.example</saml:AttributeValue></saml:Attribute>'
    page = alice_by_platform.test_saml(saml_idp, saml, attributes=upn)
    assert "No e-mail address was found" in page.content.decode()
    form = {
        "email_claim": "upn",
        "default_role": "viewer",
        "rules-TOTAL_FORMS": "0",
        "rules-INITIAL_FORMS": "0",
        "preview": "1",
    }
    shown = alice_by_platform.post(f"/o/{saml.organization_id}/sso/{saml.pk}/attributes/", form)
    assert "not a member, and joining is off" in shown.content.decode()
    assert "Not saved" in shown.content.decode()
    with all_rows():
        assert Connection.objects.get().mapping == {}


@pytest.mark.parametrize(
    "lie", [{"key": OTHER_KEY}, {"claims": {"nonce": "x"}}, {"details": {"sub": "mallory"}}, {"raw": {"/token": b"["}}]
)
def test_by_openid_connect_it_tells_why_an_answer_was_refused(
    alice_by_platform: Browser, oidc: Connection, own_idp: OidcIdp, lie: dict[str, Any]
) -> None:
    vars(own_idp).update(lie)
    page = alice_by_platform.test_oidc(own_idp, oidc)
    assert page.status_code == 200
    assert last_test().outcome == "refused"
    assert last_test().code in page.content.decode()


def test_a_connection_that_is_switched_off_can_be_tested(
    alice_by_platform: Browser, oidc: Connection, own_idp: OidcIdp
) -> None:
    with all_rows():
        Connection.objects.update(state="disabled")
    assert "Passed" in alice_by_platform.test_oidc(own_idp, oidc).content.decode()


def test_what_came_is_shown_only_to_the_administrator_who_began(
    alice_by_platform: Browser, saml: Connection, saml_idp: SamlIdp
) -> None:
    """The attack: somebody lets an administrator's browser, or their own, end a test that another one began."""
    asked = Asked.of(alice_by_platform.begin(f"/o/{saml.organization_id}/sso/{saml.pk}/test/"))
    answer = Browser().post(f"/sso/saml/{saml.pk}/acs/", {"SAMLResponse": saml_idp.answer(asked)})
    assert Browser().come_back(answer).status_code == 403
    assert last_test().claims == {}


def test_a_test_that_its_administrator_may_no_longer_begin_is_not_ended_either(
    alice_by_platform: Browser, oidc: Connection, own_idp: OidcIdp
) -> None:
    location = alice_by_platform.begin(f"/o/{oidc.organization_id}/sso/{oidc.pk}/test/")
    with all_rows():
        Membership.objects.update(role="viewer")
    answer = alice_by_platform.get(f"/sso/oidc/{oidc.pk}/callback/?{own_idp.authorize(location)}")
    assert answer.status_code in (302, 403)
    assert last_test().claims == {}


def test_members_who_may_not_manage_sign_in_neither_begin_nor_see_tests(
    acme: Organization, alice: User, bob: User, mallory: User, own_idp: OidcIdp
) -> None:
    own = add_oidc(actor_for(alice), acme, own_idp)
    page = f"/o/{acme.pk}/sso/{own.pk}/test/"
    for user, status in ((bob, 403), (mallory, 404)):
        assert session_of(user).get(page).status_code == status
        assert session_of(user).post(page).status_code == status


def test_only_the_last_tests_are_kept(alice_by_platform: Browser, oidc: Connection) -> None:
    for _ in range(8):
        alice_by_platform.begin(f"/o/{oidc.organization_id}/sso/{oidc.pk}/test/")
    with all_rows():
        assert SignInTest.objects.count() == 5


def test_another_administrator_sees_who_tested(acme: Organization, alice: User, own_idp: OidcIdp) -> None:
    own = add_oidc(actor_for(alice), acme, own_idp)
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    browser = Browser()
    browser.cookies = session_of(alice).cookies
    browser.test_oidc(own_idp, own)
    assert "by Alice" in session_of(carol).get(f"/o/{acme.pk}/sso/{own.pk}/test/").content.decode()
