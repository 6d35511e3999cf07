"""What the tests of this room share: a browser, identity providers, and names that resolve without a network."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import dns.resolver
import httpx
import pytest
import respx
from django.test import Client
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from controlplane import rls
from controlplane.actor import Actor
from controlplane.environment import environment
from controlplane.models import AuditEntry, Mail
from organizations.actions import connections, domains
from organizations.domain_names.dns import record_name, record_text
from organizations.models import Connection, Domain, Organization
from organizations.sso.oidc import provider as oidc_provider
from organizations.sso.oidc.provider import discover
from organizations.sso.saml import metadata
from tests.database import all_rows
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import Asked, SamlIdp

PUBLIC = "93.184.216.34"


class Browser(Client):
    """A browser at the portal. `enforce_csrf_checks` stays off; CSRF has its own test."""

    def begin(self, address: str, **fields: str) -> str:
        """Posts a sign-in form and returns where it leads."""
        answer = self.post(address, fields)
        assert answer.status_code == 302, answer.content
        return answer["Location"]

    def come_back(self, answer: Any) -> Any:
        """Follows the redirect that the ACS answers with, as a browser does."""
        return self.get(answer["Location"]) if answer.status_code == 303 else answer

    def through_saml(self, idp: SamlIdp, connection: Connection, **lies: Any) -> Any:
        """A whole SAML sign-in; returns the last answer."""
        asked = Asked.of(self.begin(f"/sso/{connection.pk}/"))
        answer = Client().post(f"/sso/saml/{connection.pk}/acs/", {"SAMLResponse": idp.answer(asked, **lies)})
        return self.come_back(answer)

    def test_saml(self, idp: SamlIdp, connection: Connection, **lies: Any) -> Any:
        """A whole test sign-in by SAML, as the administrator who is signed in; returns the page that tells of it."""
        page = f"/o/{connection.organization_id}/sso/{connection.pk}/test/"
        asked = Asked.of(self.begin(page))
        answer = Client().post(f"/sso/saml/{connection.pk}/acs/", {"SAMLResponse": idp.answer(asked, **lies)})
        last = self.come_back(answer)
        return self.get(page) if last.status_code == 302 else last

    def test_oidc(self, idp: OidcIdp, connection: Connection, **changes: str) -> Any:
        """A whole test sign-in by OpenID Connect; returns the page that tells of it."""
        page = f"/o/{connection.organization_id}/sso/{connection.pk}/test/"
        location = self.begin(page)
        last = self.get(f"/sso/oidc/{connection.pk}/callback/?{idp.authorize(location, **changes)}")
        return self.get(page) if last.status_code == 302 else last

    def through_oidc(self, idp: OidcIdp, key: str = "platform", **changes: str) -> Any:
        """A whole OpenID sign-in; returns the last answer."""
        location = self.begin(f"/sso/{key}/")
        return self.get(f"/sso/oidc/{key}/callback/?{idp.authorize(location, **changes)}")

    @property
    def is_signed_in(self) -> bool:
        return "_auth_user_id" in self.session


@pytest.fixture
def visitor(db: None) -> Browser:
    return Browser()


@pytest.fixture
def another_visitor(db: None) -> Browser:
    return Browser()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Addresses by host name; every other name is public."""
    table: dict[str, list[str]] = {}

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        found = table.get(host, [PUBLIC])
        if not found:
            raise socket.gaierror("no such host")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("organizations.sso.outgoing.socket.getaddrinfo", resolve)
    return table


@pytest.fixture
def web(names: dict[str, list[str]]) -> Iterator[dict[str, Callable[[httpx.Request], httpx.Response]]]:
    """The world outside: what answers, by Host header."""
    hosts: dict[str, Callable[[httpx.Request], httpx.Response]] = {}
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=lambda request: hosts[request.headers["host"]](request))
        yield hosts


class Zone:
    """What DNS says: texts by name of a record, or the error that asking for it ends in."""

    def __init__(self) -> None:
        self.records: dict[str, list[str] | Exception] = {}
        self.asked: list[str] = []

    def publish(self, domain: Domain) -> None:
        """What the domain's owner does."""
        self.records[record_name(domain.name)] = ["v=spf1 -all", record_text(domain.proof)]

    def resolve(self, name: str, kind: str, **_: Any) -> list[Any]:
        """Stands in for dnspython's resolver, with its answers and errors."""
        self.asked.append(name)
        found = self.records.get(name, dns.resolver.NXDOMAIN())
        if isinstance(found, Exception):
            raise found
        return [TXT(RdataClass.IN, RdataType.TXT, [text]) for text in found]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    made = Zone()
    monkeypatch.setattr("organizations.domain_names.dns._resolver", lambda: made)
    return made


def prove(zone: Zone, actor: Actor, organization: Organization, name: str) -> Domain:
    """Claims a domain, publishes its record, and has it found."""
    with rls.acting_as(actor.rls_actor):
        claimed = domains.claim(by=actor, organization=organization, name=name)
    zone.publish(claimed)
    return domains.check(by=actor, organization=organization, domain_id=claimed.pk)


def add_oidc(actor: Actor, organization: Organization, idp: OidcIdp, name: str = "Login") -> Connection:
    """Adds an OpenID connection as `actor`."""
    with rls.acting_as(actor.rls_actor):
        return connections.add_oidc(
            by=actor,
            organization=organization,
            name=name,
            provider=discover(idp.issuer),
            client_id=idp.client_id,
            client_secret=idp.client_secret,
        )


@pytest.fixture
def saml_idp() -> SamlIdp:
    return SamlIdp()


@pytest.fixture
def platform_idp(web: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> OidcIdp:
    """The platform's own provider."""
    idp = OidcIdp()
    web[idp.host] = idp.answer
    told = replace(
        environment(),
        oidc_issuer=idp.issuer,
        oidc_client_id=idp.client_id,
        oidc_client_secret=idp.client_secret,
    )
    monkeypatch.setattr(oidc_provider, "environment", lambda: told)
    return idp


@pytest.fixture
def pending(visitor: Browser, saml_idp: SamlIdp) -> Connection:
    """The connection of an organization that has just signed up with SAML."""
    return sign_up_with_saml(visitor, saml_idp)


@pytest.fixture
def asked(visitor: Browser, pending: Connection) -> Asked:
    return Asked.of(visitor.begin(f"/sso/{pending.pk}/"))


def posted(connection: Connection, field: str | None, **more: str) -> Any:
    """Posts to the connection's answer address from a page that brings no cookie."""
    form = {} if field is None else {"SAMLResponse": field}
    return Client().post(f"/sso/saml/{connection.pk}/acs/", {**form, **more})


def sign_up_with_saml(visitor: Browser, idp: SamlIdp, name: str = "Acme Ltd") -> Connection:
    """Signs an organization up by the form; returns its connection."""
    form = {"name": name, "kind": "organization", "metadata_xml": idp.metadata()}
    answer = visitor.post("/sign-up/saml/", form)
    assert answer.status_code == 302, answer.content
    return connection(answer["Location"].rstrip("/").rpartition("/")[2])


def connection(connection_id: str) -> Connection:
    """A connection as it is now, looked at past row-level security."""
    with all_rows():
        return Connection.objects.select_related("organization").get(pk=connection_id)


def audited(organization_id: str) -> list[AuditEntry]:
    """The organization's audit trail, oldest first."""
    with rls.acting_as("platform" if organization_id == "platform" else f"org:{organization_id}"):
        return list(AuditEntry.objects.filter(organization_id=organization_id).order_by("position"))


@dataclass(frozen=True)
class Written:
    """A mail as it waits to be sent."""

    subject: str
    body: str


def written_to(address: str) -> list[Written]:
    """Mails that wait to be sent to somebody, the oldest first."""
    with all_rows():
        contents = [json.loads(each.content) for each in Mail.objects.filter(to=address).order_by("created_at")]
    return [Written(content["subject"], content["text"]) for content in contents]


def refusals(organization_id: str) -> list[str]:
    """Codes of the refused sign-ins in the audit trail."""
    return [entry.data["code"] for entry in audited(organization_id) if entry.refused]


@pytest.fixture
def own_idp(web: dict[str, Any]) -> OidcIdp:
    """Acme's own OpenID provider. It asserts addresses of other people's domains when it likes to."""
    idp = OidcIdp(issuer="https://login.acme.example", client_id="acme-portal", client_secret="acme-secret")
    web[idp.host] = idp.answer
    return idp


@pytest.fixture
def alice_by_platform(visitor: Browser, platform_idp: OidcIdp) -> Browser:
    """alice, signed in through the platform, as owner of an organization that she founded."""
    location = visitor.begin("/sign-up/", name="Alice Ltd", kind="organization")
    visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    return visitor


def by_session(browser: Browser) -> tuple[Actor, Organization]:
    """Who is signed in in a browser, and their organization."""
    actor = Actor(user_id=browser.session["_auth_user_id"], kind="user")
    with rls.acting_as(actor.rls_actor):
        return actor, Organization.objects.get()


def add_saml(browser: Browser, idp: SamlIdp) -> Connection:
    actor, organization = by_session(browser)
    with rls.acting_as(actor.rls_actor):
        return connections.add_saml(
            by=actor, organization=organization, name="SAML", metadata=metadata.parse(idp.metadata())
        )


def link(browser: Browser, idp: SamlIdp, connection: Connection, **lies: Any) -> Any:
    asked = Asked.of(browser.begin(f"/sso/{connection.pk}/link/"))
    assert asked.forced
    answer = Browser().post(f"/sso/saml/{connection.pk}/acs/", {"SAMLResponse": idp.answer(asked, **lies)})
    return browser.come_back(answer)
