"""What people do to what a client has of a template. No tenant changes by any of it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from fleet.client_templates import queries
from fleet.client_templates.actions import LONGEST_NOTE
from fleet.client_templates.drift import drift_of
from fleet.client_templates.models import ClientTemplate, TemplateUse, mark_of
from fleet.client_templates.settings import SETTINGS, checked
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.standings import Standing


@transaction.atomic
def assign(
    *,
    by: Actor,
    msp: Organization,
    client: Organization,
    template: ClientTemplate | None,
    settings: Mapping[str, Any] | None = None,
    reason: str = "",
    based_on: str = "",
) -> TemplateUse | None:
    """
    Say which template a client has, for all of its tenants; None for none, which forgets what it has otherwise too.

    Args:
        settings: what the client has otherwise, by key, in place of all that it had otherwise; None leaves that.
        reason: why, in a line; asked for where `settings` has something new. What stays the same keeps its reason.
        based_on: the mark of what was chosen before; where something else was chosen meanwhile, it is refused.
    Raises NotFound for what is no client of the MSP, Conflict for what is no MSP, Invalid naming every fault.
    """
    standing = access.require_managing_clients(by, msp)
    queries.client(by, msp, client.pk)
    uses = TemplateUse.objects.select_for_update(of=("self",)).select_related("template")
    held = uses.filter(organization=msp, client=client).first()
    if based_on and based_on != mark_of(held):
        raise Conflict(
            f"Somebody changed what {client.name} is to have meanwhile. Yours was not saved.",
            code="OVERRIDES_CHANGED",
            hint="What you chose still stands here. Look at the client's page; to put yours in its place, save again.",
        )
    if template is None:
        if settings:
            raise Invalid("A client without a template has nothing otherwise. Nothing was changed.", field="settings")
        _take_away(by, standing, held, client)
        return None
    use = _give(by, standing, held, client, template)
    if settings is not None:
        _replace(by, standing, use, settings, reason)
    return use


@transaction.atomic
def override(*, by: Actor, use: TemplateUse, settings: Mapping[str, Any], reason: str) -> TemplateUse:
    """
    Have a client be otherwise than its template in some settings; others that it has otherwise stay so.

    Args: settings: by key; None leaves one open to the client. reason: why, in a line.
    Raises Invalid naming every fault.
    """
    standing, use = access.require_managing_clients(by, use.organization), _locked(use)
    found = checked(settings, kept=use.exceptions)
    if not found:
        raise Invalid("Name at least one setting.", field="settings")
    _override(by, standing, use, found, reason)
    return use


@transaction.atomic
def follow(*, by: Actor, use: TemplateUse, key: str) -> TemplateUse:
    """Have a client be as its template in one setting again. Doing it twice changes nothing."""
    standing, use = access.require_managing_clients(by, use.organization), _locked(use)
    if key in use.overrides:
        _follow(by, standing, use, key)
    return use


@transaction.atomic
def accept(*, by: Actor, use: TemplateUse, tenant_id: str, key: str, reason: str = "") -> TemplateUse:
    """
    Take what a tenant has of one setting as what its client is to have.

    Raises Conflict where it does not differ, or has what no client can be asked to have.
    """
    access.require_managing_clients(by, use.organization)
    use = _locked(use)
    msp = use.organization
    tenants = queries.tenants_of(by, queries.uses_of(by, msp).filter(pk=use.pk)).filter(pk=tenant_id)
    found = [each for row in drift_of(by, msp, list(tenants)) for each in row.differences]
    here = next((each for each in found if each.key == key), None)
    if here is None:
        raise Conflict("This does not differ any more. Nothing was changed.", code="NOTHING_DIFFERS")
    try:
        return override(by=by, use=use, settings={key: here.actual}, reason=reason or "As the tenant is")
    except Invalid as problem:
        if problem.field == "reason":
            raise
        raise Conflict(
            f"{here.actual_words} can't be kept for a client. {problem.detail} Nothing was changed.",
            code="NOT_ACCEPTABLE",
            hint="Roll the template out, or override it with something else.",
        ) from problem


def _locked(use: TemplateUse) -> TemplateUse:
    found = TemplateUse.objects.select_for_update(of=("self",)).select_related("organization", "client")
    held = found.filter(pk=use.pk).first()
    if held is None:
        raise NotFound("This client has no template any more. Nothing was changed.")
    return held


def _take_away(by: Actor, standing: Standing, held: TemplateUse | None, client: Organization) -> None:
    if held is not None:
        held.delete()
        told = {"client_name": client.name, "before": held.template.name}
        trail.record(by, standing, "fleet.client_template.take_away", client.pk, **told)


def _give(
    by: Actor, standing: Standing, held: TemplateUse | None, client: Organization, template: ClientTemplate
) -> TemplateUse:
    if held is not None and held.template_id == template.pk:
        return held
    before = held.template.name if held else ""
    use, _ = TemplateUse.objects.update_or_create(
        organization_id=template.organization_id, client=client, defaults={"template": template}
    )
    told = {"client_name": client.name, "template": template.name, "before": before}
    trail.record(by, standing, "fleet.client_template.give", client.pk, **told)
    return use


def _replace(by: Actor, standing: Standing, use: TemplateUse, settings: Mapping[str, Any], reason: str) -> None:
    before = use.exceptions
    found = checked(settings, kept=before)
    for key in sorted(set(before) - set(found)):
        _follow(by, standing, use, key)
    if new := {key: value for key, value in found.items() if key not in before or before[key] != value}:
        _override(by, standing, use, new, reason)


def _override(by: Actor, standing: Standing, use: TemplateUse, found: Mapping[str, Any], reason: str) -> None:
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_NOTE or not reason.isprintable():
        raise Invalid(f"Say why, in 1 to {LONGEST_NOTE} printable characters.", field="reason")
    why = {"reason": reason, "by": by.user_id, "at": timezone.now().isoformat()}
    use.overrides |= {key: {"value": value, **why} for key, value in found.items()}
    use.save(update_fields=["overrides"])
    told = {"client_name": use.client.name, "reason": reason}
    told |= {key: SETTINGS[key].told(value) for key, value in found.items()}
    trail.record(by, standing, "fleet.client_template.override", use.client_id, **told)


def _follow(by: Actor, standing: Standing, use: TemplateUse, key: str) -> None:
    del use.overrides[key]
    use.save(update_fields=["overrides"])
    told = {"client_name": use.client.name, "setting": SETTINGS[key].label}
    trail.record(by, standing, "fleet.client_template.follow", use.client_id, **told)
