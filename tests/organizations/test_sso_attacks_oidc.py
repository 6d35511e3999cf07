"""Attacks on sign-in by OpenID Connect, at the platform's provider and at an organization's own."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from controlplane import rls
from organizations.actions import members
from organizations.models import Connection, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.attacks import CLIENT, acmes, assert_refused, each
from tests.organizations.conftest import Browser
from tests.organizations.oidc_idp import KEY, OTHER_KEY, OidcIdp

__all__ = ["acmes"]

PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

OIDC_LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "another audience": {"claims": {"aud": "somebody-else"}},
    "several audiences without a party": {"claims": {"aud": [CLIENT, "somebody-else"]}},
    "another authorized party": {"claims": {"aud": [CLIENT, "x"], "azp": "x"}},
    "another issuer": {"claims": {"iss": "https://mallory.example"}},
    "another subject in the details": {"details": {"sub": "mallory"}},
    "no subject": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}, "details": {"sub": ""}},
    "expired": {"claims": {"exp": 1}},
    "no end": {"claims": {"exp": None}},
    "issued long ago": {"claims": {"iat": 1_600_000_000}},
    "issued in the future": {"claims": {"iat": 32_503_680_000}},
    "another key": {"key": OTHER_KEY},
    "an unknown key id": {"header": {"kid": "k2"}},
    "no algorithm": {"key": None, "algorithm": "none"},
    "a symmetric algorithm": {"key": "the client secret, or a public key as text", "algorithm": "HS256"},
    "an access token of another sign-in": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "a time of issue that is text": {"claims": {"iat": "…"}},
    "a nonce that is no text": {"claims": {"nonce": "\ud800"}},
    "an access token that is no text": {"token_changes": {"access_token": "\ud800"}, "claims": {"at_hash": "x"}},
    "a subject with NUL": {"claims": {"sub": "a\0b"}, "details": {"sub": "a\0b"}},
    "a subject that is no text": {"claims": {"sub": "\ud800"}, "details": {"sub": "\ud800"}},
    "a name with NUL": {"details": {"name": "Al\0ice"}},
    "a name that is no text": {"details": {"name": "\udfff"}},
    "a key that names its characters wrongly": {"header": {"kid": "\ud800"}},
    "no ID token": {"token_changes": {"id_token": None}},
    "an ID token that is none": {"token_changes": {"id_token": "a.b.c"}},
    "a key that the token brings itself": {
        "key": OTHER_KEY,
        "header": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    },
    "a key from an address in the token": {"key": OTHER_KEY, "header": {"jku": "https://mallory.example/jwks"}},
    "a key id that is a path": {"header": {"kid": "../../etc/passwd"}},
    "an extension that must be understood": {"header": {"crit": ["exp"]}},
    "an HMAC under the provider's public key": {"key": PUBLIC_KEY, "algorithm": "HS256"},
    "claims nested beyond measure": {"details": {"groups": ["x"] * 3000}},
    "a claim with NUL": {"details": {"department": "I\0T"}},
}


def people() -> set[str]:
    with all_rows():
        return set(User.objects.values_list("email", flat=True))


@each(OIDC_LIES)
def test_a_lying_provider_signs_in_nobody_by_the_platform(attack: str, visitor: Browser, platform_idp: OidcIdp) -> None:
    vars(platform_idp).update(OIDC_LIES[attack])
    answer = visitor.through_oidc(platform_idp)
    assert_refused(answer, visitor, "platform", "OIDC_INVALID")
    assert people() == set()


@each(OIDC_LIES)
def test_a_lying_provider_signs_in_nobody_by_an_organizations_connection(
    attack: str, visitor: Browser, acmes: Connection, own_idp: OidcIdp
) -> None:
    before = people()
    vars(own_idp).update(OIDC_LIES[attack])
    answer = visitor.through_oidc(own_idp, acmes.pk)
    assert_refused(answer, visitor, acmes.organization_id, "OIDC_INVALID")
    assert people() == before


def test_the_tables_lie_in_one_thing_only(visitor: Browser, acmes: Connection, own_idp: OidcIdp) -> None:
    """Otherwise the tests above would prove nothing."""
    assert visitor.through_oidc(own_idp, acmes.pk).status_code == 302
    assert visitor.is_signed_in


@pytest.mark.parametrize("kind", ["platform", "connection"])
def test_a_refusal_of_the_provider_is_a_page_without_its_words(
    kind: str, visitor: Browser, acmes: Connection, own_idp: OidcIdp, platform_idp: OidcIdp
) -> None:
    key, idp = ("platform", platform_idp) if kind == "platform" else (acmes.pk, own_idp)
    words = "<script>alert(1)</script>"
    answer = visitor.through_oidc(idp, key, error="access_denied", code="", error_description=words)
    assert words not in answer.content.decode()
    assert_refused(answer, visitor, "platform" if kind == "platform" else acmes.organization_id, "OIDC_DENIED")


def test_no_page_tells_who_exists(acmes: Connection, own_idp: OidcIdp, acme: Organization, alice: User) -> None:
    """Stranger, former member, somebody with an account elsewhere, a member whose groups give nothing: one page."""
    pages = set()
    own_idp.person = {"sub": "former", "email": "former@acme.example"}
    Browser().through_oidc(own_idp, acmes.pk)
    with all_rows():
        former = Membership.objects.get(user__email="former@acme.example")
        User.objects.create_user("taken@acme.example", email_verified=True)
        Connection.objects.update(role_rules=[{"group": "soc", "role": "admin"}], default_role="none")
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        members.remove(by=by, organization=acme, membership_id=former.pk)
    people_ = (
        {"sub": "former", "email": "former@acme.example"},
        {"sub": "new", "email": "new@elsewhere.example"},
        {"sub": "new", "email": "new@acme.example"},
        {"sub": "taken", "email": "taken@acme.example", "groups": ["soc"]},
        {"sub": "disputed", "email": "x@acme.example", "groups": ["soc"], "email_verified": False},
    )
    for person in people_:
        own_idp.person = person
        answer = Browser().through_oidc(own_idp, acmes.pk)
        assert answer.status_code == 403
        page = answer.content.decode()
        pages.add(page[page.index('<h1 id="no"') : page.index("</main>")])
    assert len(pages) == 1
