"""The identity providers of the MSP on the pages, and its domains."""

from datetime import timedelta

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from organizations.actions import (
    certificates,
    connections,
    domains,
    hostnames,
    mapping,
)
from organizations.models import (
    Connection,
    Domain,
    Hostname,
    MailSender,
    Organization,
    SignInTest,
    User,
)
from organizations.sso.oidc.provider import Discovered
from organizations.sso.saml import metadata
from tests.browser.directories import directory_of
from tests.cast import actor_for
from tests.organizations.saml_idp import SamlIdp, new_pair

SENT = {
    "email": ["ann.lindqvist@northwatch.example"],
    "name": ["Ann Lindqvist"],
    "groups": ["soc-admins", "all-staff", "9f0c2b7e-51d4-4d0a-8a1e-3f6d2c90b7aa"],
    "department": ["IT Security"],
    "sub": ["u1"],
}


def add_providers(owner: User, msp: Organization) -> dict[str, Connection]:
    """The MSP's own OpenID provider, as its discovery document once told of it, and one of SAML; by name."""
    issuer = "https://login.northwatch.example"
    endpoints = {
        f"{name}_endpoint": f"{issuer}/{path}"
        for name, path in (("authorization", "authorize"), ("token", "token"), ("userinfo", "me"))
    } | {"jwks_uri": f"{issuer}/keys"}
    by = actor_for(owner)
    with rls.acting_as(by.rls_actor):
        own = connections.add_oidc(
            by=by,
            organization=msp,
            name="Northwatch Entra ID",
            provider=Discovered(issuer, endpoints),
            client_id="garrison",
            client_secret="a secret of Northwatch's",
        )
        provider = metadata.parse(SamlIdp(pair=new_pair(days=20)).metadata())
        saml = connections.add_saml(by=by, organization=msp, name="Night shift", metadata=provider)
        certificates.sign_requests(by=by, organization=msp, connection_id=saml.pk, wanted=True)
        _domains(msp, by, own)
        mapping.set_mapping(
            by=by,
            organization=msp,
            connection_id=own.pk,
            mapping={"groups": "groups"},
            role_rules=[{"group": "soc-admins", "role": "admin"}, {"group": "all-staff", "role": "viewer"}],
            default_role="none",
        )
        mapping.set_just_in_time(by=by, organization=msp, connection_id=own.pk, wanted=True)
        directory_of(by, own)
        SignInTest.objects.create(
            organization=msp,
            connection=own,
            tested_by=owner,
            key="k",
            outcome="passed",
            uid="u1",
            claims=SENT,
        )
    return {"own": own, "saml": saml}


def _domains(msp: Organization, by: Actor, own: Connection) -> None:
    """One that is proven and leads to the connection, one that waits for DNS; an address that SPF does not allow."""
    proven = domains.claim(by=by, organization=msp, name="northwatch.example")
    domains.claim(by=by, organization=msp, name="northwatch-labs.example")
    Domain.objects.filter(pk=proven.pk).update(
        state=Domain.State.PROVEN, proven_at=timezone.now(), looked_at=timezone.now(), connection=own
    )
    named = hostnames.claim(by=by, organization=msp, name="status.northwatch.example")
    hostnames.claim(by=by, organization=msp, name="reports.northwatch.example")
    Hostname.objects.filter(pk=named.pk).update(
        state=Hostname.State.PROVEN, proven_at=timezone.now(), looked_at=timezone.now()
    )
    MailSender.objects.create(
        organization=msp,
        name="Northwatch Security",
        reply_to="soc@northwatch.example",
        address="alerts@northwatch.example",
        state=MailSender.State.MISSING,
        looked_at=timezone.now(),
        looked_words="The SPF record does not include _spf.garrison.example.",
        next_look_at=timezone.now() + timedelta(minutes=50),
    )
