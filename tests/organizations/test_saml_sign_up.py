"""An organization signs up with its identity provider's metadata; its first sign-in makes it alive."""

import pytest
from django.test import Client
from django.utils import timezone

from organizations.actions.sign_in import PENDING_LIFETIME
from organizations.models import Connection, Membership, Organization, User
from tests.database import all_rows
from tests.organizations.conftest import Browser, audited, connection, refusals, sign_up_with_saml
from tests.organizations.saml_idp import Asked, SamlIdp


def test_metadata_makes_a_pending_organization_that_nobody_belongs_to(pending: Connection) -> None:
    assert pending.organization.state == "pending"
    with all_rows():
        assert not Membership.objects.filter(organization=pending.organization).exists()


def test_the_pending_page_shows_what_the_identity_provider_needs(visitor: Browser, pending: Connection) -> None:
    page = visitor.get(f"/sign-up/saml/{pending.pk}/").content.decode()
    assert f"http://testserver/sso/saml/{pending.pk}/acs/" in page
    assert f"http://testserver/sso/saml/{pending.pk}/metadata/" in page


def test_our_metadata_names_the_answer_address_and_wants_signed_assertions(pending: Connection) -> None:
    answer = Client().get(f"/sso/saml/{pending.pk}/metadata/")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f'Location="http://testserver/sso/saml/{pending.pk}/acs/"' in text
    assert 'WantAssertionsSigned="true"' in text


def test_the_first_validated_assertion_makes_the_owner(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    answer = visitor.through_saml(saml_idp, pending)
    assert answer["Location"] == f"/o/{pending.organization_id}/"
    assert visitor.is_signed_in
    with all_rows():
        owner = Membership.objects.select_related("user").get(organization_id=pending.organization_id)
    assert (owner.role, owner.user.email, owner.user.email_verified) == ("owner", "alice@acme.example", False)
    assert connection(pending.pk).organization.state == "active"
    actions = [entry.action for entry in audited(pending.organization_id)]
    assert actions == [
        "organizations.organization.create",
        "organizations.membership.create",
        "organizations.organization.activate",
    ]


def test_the_owner_comes_back_as_the_same_person(visitor: Browser, saml_idp: SamlIdp, pending: Connection) -> None:
    visitor.through_saml(saml_idp, pending)
    visitor.post("/sign-out/")
    visitor.through_saml(saml_idp, pending, email="renamed@acme.example")
    with all_rows():
        assert User.objects.count() == 1
    assert visitor.is_signed_in


def test_nobody_else_joins_by_the_connection(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    answer = another_visitor.through_saml(saml_idp, pending, uid="mallory", email="mallory@acme.example")
    assert answer.status_code == 403
    assert not another_visitor.is_signed_in
    assert refusals(pending.organization_id) == ["NOT_A_MEMBER"]
    with all_rows():
        assert User.objects.count() == 1


def test_a_stranger_and_a_former_member_read_the_same_words(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    with all_rows():
        Membership.objects.all().delete()
    former = Browser().through_saml(saml_idp, pending)
    stranger = another_visitor.through_saml(saml_idp, pending, uid="stranger")
    shown = [
        (page.status_code, page.context["refusal"].told, page.context["refusal"].hint) for page in (former, stranger)
    ]
    assert shown[0] == shown[1]


def test_the_same_address_asserted_by_two_providers_is_two_people(visitor: Browser, another_visitor: Browser) -> None:
    first, second = SamlIdp(), SamlIdp(entity_id="https://other.example/metadata")
    visitor.through_saml(first, sign_up_with_saml(visitor, first))
    another_visitor.through_saml(second, sign_up_with_saml(another_visitor, second, "Other Ltd"))
    assert visitor.session["_auth_user_id"] != another_visitor.session["_auth_user_id"]


def test_an_organization_that_reuses_another_ones_provider_and_subject_reaches_nobody_of_it(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp
) -> None:
    """The attack: mallory signs up with Acme's own entity id and certificate, and lets it assert Acme's subject."""
    acme = sign_up_with_saml(visitor, saml_idp)
    visitor.through_saml(saml_idp, acme)
    mallorys = sign_up_with_saml(another_visitor, saml_idp, "Mallory Ltd")
    another_visitor.through_saml(saml_idp, mallorys)
    assert mallorys.provider_id != acme.provider_id
    assert another_visitor.session["_auth_user_id"] != visitor.session["_auth_user_id"]
    assert another_visitor.get(f"/api/v1/organizations/{acme.organization_id}").status_code == 404


def test_a_connection_can_not_be_given_anothers_provider_id(pending: Connection) -> None:
    from django.db import IntegrityError, transaction

    with all_rows(), pytest.raises(IntegrityError), transaction.atomic():
        Connection.objects.create(
            organization=pending.organization,
            kind="saml",
            name="Stolen",
            provider_id=pending.provider_id,
            issuer=pending.issuer,
            sign_in_url=pending.sign_in_url,
        )


def test_of_two_first_assertions_one_makes_the_owner(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    answers = [
        (each, each.post(f"/sso/saml/{pending.pk}/acs/", {"SAMLResponse": saml_idp.answer(asked, uid=uid)}))
        for each, uid, asked in [
            (each, uid, Asked.of(each.begin(f"/sso/{pending.pk}/")))
            for each, uid in ((visitor, "alice"), (another_visitor, "bob"))
        ]
    ]
    ended = [each.come_back(answer).status_code for each, answer in answers]
    assert ended == [302, 403]


def test_a_sign_up_that_nobody_finished_in_two_weeks_has_expired(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    with all_rows():
        long_ago = timezone.now() - PENDING_LIFETIME * 1.01
        Organization.objects.filter(pk=pending.organization_id).update(created_at=long_ago)
    assert visitor.through_saml(saml_idp, pending).status_code == 403
    assert refusals(pending.organization_id) == ["SIGN_UP_EXPIRED"]


@pytest.mark.parametrize("name", ["", "x", "a" * 121, "tab\tis fine but bell\a is not"])
def test_a_name_that_can_not_be_used_is_said_next_to_its_field(visitor: Browser, saml_idp: SamlIdp, name: str) -> None:
    form = {"name": name, "kind": "organization", "metadata_xml": saml_idp.metadata()}
    answer = visitor.post("/sign-up/saml/", form)
    assert answer.status_code == 400
    assert answer.context["form"].errors["name"]


def test_the_address_of_no_connection_is_not_found(visitor: Browser) -> None:
    nobody = "conn_" + "a" * 20
    for address in (f"/sso/{nobody}/", f"/sso/saml/{nobody}/metadata/", f"/sign-up/saml/{nobody}/", "/sso/conn_x/"):
        assert visitor.get(address).status_code == 404
    assert visitor.post(f"/sso/saml/{nobody}/acs/", {"SAMLResponse": "eA=="}).status_code == 404
