"""No form and no call is taken from another site: every address that writes, with a session and without its proof."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from controlplane.api.authentication import SessionAuthentication
from organizations.keys.authentication import ApiKeyAuthentication
from organizations.scim.authentication import ScimAuthentication
from tests.isolation.matrix import MATRIX, PLAIN
from tests.isolation.test_matrix import dns_is_empty, edge_is_away
from tests.isolation.world import World, world

__all__ = ["dns_is_empty", "edge_is_away", "world"]

# Where an identity provider's page posts to: its answer is signed, and taken on by the browser that began (`attempts`).
# Where a mail program ends a subscription: by the secret of the address alone, whoever is signed in (RFC 8058).
EXEMPT = ("/sso/saml/{connection_id}/acs/", "/status/subscriptions/{subscription_id}/{secret}/one-click/")
# How an API call may sign in: by what no browser adds by itself, or by the session under the check of a form.
SAFE_FOR_API = {SessionAuthentication, ApiKeyAuthentication, ScimAuthentication}
WRITES = [
    (address, verb) for address, verbs in MATRIX.items() for verb in verbs if verb != "GET" and address not in EXEMPT
]


def views(node: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every view with its address as the code has it, also those of the admin site."""
    for pattern in (node or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from views(pattern, route)


def test_two_pages_alone_are_exempt() -> None:
    exempt = [(route, view) for route, view in views() if getattr(view, "csrf_exempt", False)]
    assert [route for route, view in exempt if not hasattr(view, "cls")] == [
        "sso/saml/<connection:connection_id>/acs/",
        "status/subscriptions/<str:subscription_id>/<str:secret>/one-click/",
    ]
    ways = {way for _, view in exempt if hasattr(view, "cls") for way in view.cls.authentication_classes}
    assert ways <= SAFE_FOR_API


@pytest.mark.sqlite
@pytest.mark.parametrize(("address", "verb"), WRITES)
def test_another_sites_page_writes_nothing_with_somebodys_session(world: World, address: str, verb: str) -> None:
    """The attack (CSRF): a page of mallory's posts to ours, and alice's browser adds her cookies."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = world.visitors["alice"].client.cookies
    path = re.sub(r"\{(\w+)\}", lambda match: {**PLAIN, **world.ids}[match[1]], address)
    answer = browser.generic(verb, path, "x=1", content_type="application/x-www-form-urlencoded")
    if address.startswith("/scim/"):
        assert answer.status_code == 401, "no session signs in there"
    else:
        assert answer.status_code == 403
        assert "CSRF" in answer.content.decode() or "This form has expired" in answer.content.decode()
