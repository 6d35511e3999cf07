"""What the world holds of an organization's people, and of how its pages look."""

import base64
from datetime import timedelta

from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from organizations.actions import branding, custom_roles, hostnames, invitations, keys
from organizations.actions.connections import add_saml
from organizations.actions.domains import claim
from organizations.models import (
    AccessRequest,
    EmergencyAccess,
    Grant,
    JoinRequest,
    MailSender,
    Membership,
    Offboarding,
    Organization,
    SignInTest,
    User,
)
from organizations.permissions import PERMISSIONS
from organizations.sso.saml.certificates import fingerprint
from organizations.sso.saml.metadata import parse
from tests.cast import actor_for, person
from tests.isolation.canary import CANARY
from tests.isolation.directories import directory_ids
from tests.organizations.saml_idp import SamlIdp

OTHER_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
"""A picture of one pixel, other than the matrix's own: to send the same one again would change nothing."""


def people_of(owner: User, organization: Organization, member: User) -> dict[str, str]:
    """Everything about people that a route can name."""
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        invitation = invitations.invite(
            by=actor, organization=organization, email=f"{CANARY}@example.test", role="viewer"
        )
        key, _ = keys.create(
            by=actor, organization=organization, name=f"Key {CANARY}", scopes=PERMISSIONS, expires_in=timedelta(days=1)
        )
        role = custom_roles.create(
            by=actor, organization=organization, name=f"Role {CANARY}", permissions=["tenant.view"]
        )
        grant = Grant.objects.get()
        membership = Membership.objects.get(organization=organization, user=member)
        connection = add_saml(
            by=actor, organization=organization, name=f"IdP {CANARY}", metadata=parse(SamlIdp().metadata())
        )
        request = AccessRequest.objects.create(
            organization=organization,
            email=f"{CANARY}@example.test",
            secret_digest="d",
            role_ceiling="viewer",
            expires_at=timezone.now() + timedelta(days=1),
        )
        left = Offboarding.objects.create(
            organization=organization, user_id="usr_gone", name=CANARY, email="gone@example.test", sessions=0
        )
        emergency = EmergencyAccess.objects.create(
            grant=grant,
            client_id=grant.client_id,
            msp_id=grant.msp_id,
            user=owner,
            reason=CANARY,
            ends_at=timezone.now() + timedelta(hours=1),
        )
        domain = claim(by=actor, organization=organization, name=f"{CANARY}.{organization.pk[-8:]}.example")
        hostname = hostnames.claim(by=actor, organization=organization, name=f"status.{domain.name}")
        MailSender.objects.create(organization=organization, name=CANARY, reply_to=f"help@{domain.name}")
        SignInTest.objects.create(
            organization=organization,
            connection=connection,
            tested_by=owner,
            key="k",
            outcome="passed",
            uid="u",
            claims={"email": [f"a@{CANARY}.example"]},
        )
        entry = AuditEntry.objects.get(organization_id=organization.pk, target=key.pk)
        asker = person(f"asker-{organization.pk[-8:]}")
        asked = JoinRequest.objects.create(
            organization=organization, user=asker, email=f"asker@{CANARY}.example", name=f"Asker {CANARY}"
        )
    return {
        **directory_ids(actor, connection),
        "organization_id": organization.pk,
        "invitation_id": invitation.pk,
        "join_request_id": asked.pk,
        "key_id": key.pk,
        "grant_id": grant.pk,
        "request_id": request.pk,
        "emergency_id": emergency.pk,
        "offboarding_id": left.pk,
        "membership_id": membership.pk,
        "role_id": role.pk,
        "connection_id": connection.pk,
        "domain_id": domain.pk,
        "hostname_id": hostname.pk,
        "fingerprint": fingerprint(connection.certificates[0]),
        "entry_id": entry.pk,
    }


def brand_of(alice: User, acme: Organization) -> dict[str, str]:
    """What all of Acme's pages carry."""
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        brand = branding.set_brand(
            by=actor, organization=acme, name=f"Brand {CANARY}", accent="#1e3a8a", accent_dark="#93c5fd"
        )
        for scheme in ("light", "dark"):
            brand = branding.set_logo(by=actor, organization=acme, scheme=scheme, content=base64.b64decode(OTHER_PIXEL))
    return {"digest": brand.digest, "scheme": "light"}
