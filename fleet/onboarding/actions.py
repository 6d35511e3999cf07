"""
Bringing in one client: organization, the MSP's access, template, tenant, enrollment token and invitations.

All of it is rows, so all of it is one transaction: a client is brought in whole, or nothing is made.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from billing import actions as billing
from billing.entitlements import entitlement_of
from billing.models import Plan
from controlplane.actor import Actor
from controlplane.problems import FieldError, Forbidden, Invalid
from fleet.client_templates import client_actions as templates
from fleet.client_templates import queries
from fleet.client_templates.merging import asked_for
from fleet.client_templates.models import ClientTemplate
from fleet.client_templates.settings import SETTINGS, Place, why_not_plan
from fleet.onboarding.wanted import Wanted, faults
from organizations import access
from organizations.actions import invitations
from organizations.actions.clients import founding
from organizations.models import Invitation, Organization
from organizations.permissions import Role, may_hand_out
from organizations.standings import permissions_of
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.tokens.actions import create_token
from tenants.provisioning import actions as provisioning
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.scheduling import NOW
from tenants.provisioning.specs import Wishes

TOKEN_NAME = "First machines"  # noqa: S105 - a name that people read
AT_BIRTH = ("ring", "maintenance_window", "protected", "content_left_out")
"""What a new tenant gets by the settings' own actions; the rest of a template is in how it is made."""
WISHED = ("version", "retention_days", "archive_days", "backups")


@dataclass(frozen=True)
class Onboarded:
    """
    What was made. `secret` is the token's text, shown once; `invited_as` the role of who was invited; `not_had` says in
    words what of the template was not to be had.
    """

    client: Organization
    role_ceiling: str
    template: ClientTemplate | None = None
    tenant: Tenant | None = None
    operation: Operation | None = None
    token: EnrollmentToken | None = None
    secret: str = ""
    invitations: tuple[Invitation, ...] = field(default=())
    not_had: tuple[str, ...] = field(default=())


@transaction.atomic
def onboard(*, by: Actor, msp: Organization, wanted: Wanted, with_token: bool = True) -> Onboarded:
    """
    Bring in a client, whole or not at all.

    Args: with_token: whether the tenant gets an enrollment token, whose text is in the answer and nowhere else.
    Raises Invalid naming every fault, NotConfirmed where people are invited, Forbidden, Conflict, ExternalIdTaken,
    and what making a tenant raises.
    """
    access.require_managing_clients(by, msp, confirmed=True)
    known = queries.all_of(msp.pk)
    if found := list(faults(wanted, known)):
        raise Invalid(found[0].message, errors=found)
    template = known[wanted.template] if wanted.template else None
    asked = {key: each.value for key, each in asked_for(known, template.pk).items()} if template else {}
    ceiling = wanted.role_ceiling or asked.get("role_ceiling") or Role.ADMIN
    chosen = {"external_id": wanted.external_id, "jurisdiction": wanted.jurisdiction}
    with founding(by=by, msp=msp, name=wanted.name, role_ceiling=ceiling, **chosen) as (client, there):
        if template is not None:
            templates.assign(by=by, msp=msp, client=client, template=template)
        not_had = _take_plan(there, client, asked)
        invited = _invite(there, client, wanted.administrators)
        if not wanted.tenant:
            return Onboarded(client, ceiling, template, invitations=invited, not_had=not_had)
        tenant, operation = _make_tenant(there, msp, client, wanted.tenant, asked)
        token, secret = _make_token(there, tenant, asked) if with_token else (None, "")
    return Onboarded(client, ceiling, template, tenant, operation, token, secret, invited, not_had)


def _take_plan(there: Actor, client: Organization, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Put a client on its template's plan. Who may not is told: a client that pays for nothing yet is no fault."""
    code = asked.get("plan")
    if code is None or entitlement_of(client.pk).plan.pk == code:
        return ()
    if problem := why_not_plan(there, client.pk, code):
        return (f"{problem.detail} The client begins on a trial.",)
    billing.change_plan(by=there, organization_id=client.pk, plan=Plan.objects.get(pk=code))
    return ()


def _invite(there: Actor, client: Organization, addresses: tuple[str, ...]) -> tuple[Invitation, ...]:
    """The client's first people: its owners, where whoever founds it may make any."""
    role = Role.OWNER if may_hand_out(permissions_of(there, client), Role.OWNER) else Role.ADMIN
    made = []
    for email in dict.fromkeys(addresses):
        try:
            made.append(invitations.invite(by=there, organization=client, email=email, role=role))
        except Forbidden as refused:
            message = f"{email}: {refused.detail}"
            raise Invalid(message, errors=[FieldError("administrators", message)]) from refused
    return tuple(made)


def _make_tenant(
    there: Actor, msp: Organization, client: Organization, name: str, asked: Mapping[str, Any]
) -> tuple[Tenant, Operation]:
    wishes: Wishes = {key: asked[key] for key in WISHED if key in asked}  # type: ignore[assignment]
    wishes["sleep_after_minutes"] = asked.get("sleep_after_minutes") or None
    tenant, operation = provisioning.create(by=there, organization=client, name=name, **wishes)
    for key in AT_BIRTH:
        bring = SETTINGS[key].bring
        if key in asked and bring is not None:
            bring(there, Place(tenant, msp.pk), asked[key], NOW)
    return tenant, operation


def _make_token(there: Actor, tenant: Tenant, asked: Mapping[str, Any]) -> tuple[EnrollmentToken, str]:
    given = dict(asked.get("enrollment_token") or {})
    if days := given.pop("expires_in_days", None):
        given["expires_in"] = dt.timedelta(days=days)
    return create_token(by=there, tenant=tenant, name=TOKEN_NAME, **given)
