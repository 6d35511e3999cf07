"""Signing up as a person does it: the portal's pages, then the local identity provider's, then the portal again."""

import re

import httpx

from local.seed.people import PEOPLE
from local.stack.layout import Layout
from local.visitor import UnexpectedPage, Visitor

HOME = re.compile(r"/o/(org_[a-z2-7]{20})/")


def sign_up_with_oidc(visitor: Visitor, email: str, organization: str, *, kind: str = "organization") -> str:
    """Founds an organization with the platform's provider; returns its id."""
    visitor.get("/sign-up/").submit("/sign-up/", name=organization, kind=kind)
    return _home(_choose(visitor, email))


def sign_up_with_saml(visitor: Visitor, layout: Layout, email: str, organization: str) -> tuple[str, str]:
    """
    Founds an organization from an identity provider's metadata; its first assertion makes the owner.

    Returns the organization's id, and that of the connection.
    """
    metadata = httpx.get(f"{layout.saml_idp}/metadata").raise_for_status().text
    visitor.get("/sign-up/saml/").submit(
        "/sign-up/saml/", name=organization, kind="organization", metadata_xml=metadata
    )
    visitor.expect("/acs/")
    connection = visitor.url.rstrip("/").rpartition("/")[2]
    visitor.get(f"/sso/{connection}/").submit(f"/sso/{connection}/")
    _choose(visitor, email).submit("/acs/")
    return _home(visitor), connection


def _choose(visitor: Visitor, email: str) -> Visitor:
    """Picks oneself on a local identity provider's page."""
    (person,) = [known["sub"] for known in PEOPLE if known["email"] == email]
    return visitor.submit("", person=person)


def _home(visitor: Visitor) -> str:
    found = HOME.search(visitor.url)
    if not found:
        raise UnexpectedPage(f"Sign-up led to {visitor.url}: {visitor.text[:600]}")
    return found.group(1)
