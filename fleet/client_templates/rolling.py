"""
A template as something that is rolled out: to the tenants of clients that have it, or one that inherits from it.

What it asks for is settled as the roll-out begins, so that all get what the canaries had, whatever becomes of the
template meanwhile. What a client has otherwise is looked at anew at each tenant.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from controlplane.actor import Actor
from controlplane.problems import Conflict, FieldError, Forbidden, Invalid, Problem
from fleet.client_templates import queries
from fleet.client_templates.drift import Difference, differences
from fleet.client_templates.merging import OF_CLIENT, below, layers_of, merged
from fleet.client_templates.models import ClientTemplate, TemplateUse
from fleet.client_templates.settings import Place
from organizations.models import Organization
from tenants.content import reading
from tenants.provisioning.models import Operation, Tenant
from tenants.rollouts.kind import Arguments, Kind, Outlook

NAME = "template"


class NotOfTemplate(Conflict):
    """The client has no template of those that are rolled out, any more."""

    def __init__(self) -> None:
        super().__init__("The client does not have this template any more.", code="NOT_OF_TEMPLATE")


class NotAllowedThere(Conflict):
    """
    A difference takes more than whoever has the template rolled out may do in this client.

    That is said before it begins, and the tenant is passed over: it is nothing that failed.
    """

    def __init__(self, refused: Forbidden) -> None:
        super().__init__(refused.detail, code="NOT_ALLOWED_THERE")


def _offers(organization: Organization) -> list[tuple[str, str]]:
    found = ClientTemplate.objects.filter(organization=organization).order_by("name")
    return [(each.pk, f"Template {each.name}") for each in found]


def _settle(organization: Organization, asked: Arguments) -> Arguments:
    templates = queries.all_of(organization.pk)
    found = templates.get(asked.get(NAME, ""))
    if found is None:
        message = "There is no such template. Nothing was begun."
        raise Invalid(message, errors=[FieldError(NAME, message)])
    layers = {each.pk: layers_of(templates, each.pk) for each in below(templates, found.pk)}
    return {
        "of": organization.pk,
        NAME: found.pk,
        "title": f"Template {found.name}, version {found.number}",
        "layers": json.dumps(layers),
        "files": reading.stamp_of(organization.pk),
    }


def _reaches(organization: Organization, settled: Arguments) -> Collection[str]:
    uses = TemplateUse.objects.filter(organization=organization, template__in=json.loads(settled["layers"]))
    return set(uses.values_list("client_id", flat=True))


def _differences(tenant: Tenant, settled: Arguments) -> list[Difference]:
    """What a roll-out would bring. Raises NotOfTemplate."""
    layers: dict[str, Any] = json.loads(settled["layers"])
    use = TemplateUse.objects.filter(organization=settled["of"], client=tenant.organization_id).first()
    if use is None or use.template_id not in layers:
        raise NotOfTemplate
    wanted = merged([*layers[use.template_id], (OF_CLIENT, use.exceptions)])
    return [each for each in differences(Place(tenant, settled["of"]), wanted) if each.is_brought]


def _problems(by: Actor, place: Place, found: Iterable[Difference]) -> Iterator[Problem]:
    """What keeps a tenant from what it would be brought, but for what is under way."""
    problems = (each.setting.why_not(by, place, each.wanted) for each in found)
    return (problem for problem in problems if problem is not None)


def _ask(by: Actor, tenant: Tenant, when: str, settled: Arguments) -> Operation | None:
    """
    All that is done at once, and the first that takes an operation; the others follow when that has ended.

    Raises NotAllowedThere, and what else keeps the tenant from any of it.
    """
    found, place = _differences(tenant, settled), Place(tenant, settled["of"], settled["files"])
    for problem in _problems(by, place, found):
        if isinstance(problem, Forbidden):
            raise NotAllowedThere(problem)
    for each in found:
        if each.setting.bring is None:
            continue
        operation = each.setting.bring(by, place, each.wanted, when)
        if operation is not None:
            return operation
        tenant.refresh_from_db()
    return None


def _outlook(by: Actor, tenant: Tenant, settled: Arguments) -> Outlook:
    found, place = _differences(tenant, settled), Place(tenant, settled["of"], settled["files"])
    return Outlook(
        has=not found,
        problem=next(_problems(by, place, found), None),
        # One that gets its window by this waits for just that.
        restarts=any(each.setting.restarts for each in found) and "maintenance_window" not in {e.key for e in found},
        words="; ".join(each.words for each in found),
    )


TEMPLATE = Kind(
    title=lambda settled: settled["title"],
    offers=_offers,
    argument=NAME,
    settle=_settle,
    ask=_ask,
    has=lambda tenant, settled: not _differences(tenant, settled),
    outlook=_outlook,
    reaches=_reaches,
    stepwise=True,
    can_wait=True,
)
