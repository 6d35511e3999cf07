"""Reads of an MSP's templates. Every one takes who is asking."""

from collections.abc import Iterable, Mapping

from django.db.models import Count, QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from organizations import access
from organizations import queries as organizations
from organizations.models import Grant, Organization
from organizations.standings import current
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant


def templates_of(actor: Actor, msp: Organization) -> QuerySet[ClientTemplate]:
    """The MSP's templates, the newest first; an organization that is none has none."""
    access.require(actor, "tenant.view", msp)
    return ClientTemplate.objects.filter(organization=msp).select_related("parent")


def template(actor: Actor, msp: Organization, template_id: str) -> ClientTemplate:
    """One template; raises NotFound."""
    found = templates_of(actor, msp).filter(pk=template_id).first()
    if found is None:
        raise NotFound("There is no such template.")
    return found


def versions_of(actor: Actor, template: ClientTemplate) -> QuerySet[ClientTemplateVersion]:
    """Its versions, the newest first. The caller has found the template as who is asking."""
    return ClientTemplateVersion.objects.filter(template=template, organization=template.organization_id)


def clients_of(actor: Actor, msp: Organization) -> QuerySet[Organization]:
    """Clients that the asker, as the MSP's member, reaches now."""
    access.require(actor, "tenant.view", msp)
    return organizations.clients_reached(actor, msp)


def with_access(msp_id: str) -> QuerySet[Grant]:
    """Grants by which an MSP has clients now. The caller has found the MSP as who is asking."""
    return Grant.objects.filter(current(), msp_id=msp_id)


def left_behind(template: ClientTemplate) -> QuerySet[TemplateUse]:
    """That clients have a template whose access has ended, so that nobody can take it from them."""
    uses = TemplateUse.objects.filter(organization=template.organization_id, template=template)
    return uses.exclude(client__in=with_access(template.organization_id).values("client_id"))


def client(actor: Actor, msp: Organization, client_id: str) -> Organization:
    """One of these clients; raises NotFound."""
    found = clients_of(actor, msp).filter(pk=client_id).first()
    if found is None:
        raise NotFound("There is no such client.")
    return found


def uses_of(actor: Actor, msp: Organization) -> QuerySet[TemplateUse]:
    """Which of the clients that the asker reaches has which template, by the clients' names."""
    seen = clients_of(actor, msp)
    uses = TemplateUse.objects.filter(organization=msp, client__in=seen)
    return uses.select_related("client", "template").order_by("client__name", "id")


def use_of(actor: Actor, msp: Organization, client: Organization) -> TemplateUse | None:
    """What template a client has; None for none."""
    return uses_of(actor, msp).filter(client=client).first()


def count_by_template(actor: Actor, msp: Organization, templates: Iterable[ClientTemplate]) -> dict[str, int]:
    """How many of the clients that the asker reaches have each of some templates, by the template's id."""
    uses = uses_of(actor, msp).filter(template__in=list(templates)).order_by()
    return dict(uses.values_list("template_id").annotate(count=Count("pk")))


def tenants_of(actor: Actor, uses: QuerySet[TemplateUse]) -> QuerySet[Tenant]:
    """Living tenants that the asker sees of clients with a template, the newest first."""
    return provisioning.living(actor).filter(organization__in=uses.order_by().values("client_id"))


def without_tenant(actor: Actor, uses: QuerySet[TemplateUse]) -> QuerySet[Organization]:
    """Clients with a template that have no living tenant that the asker sees, by name."""
    seen = provisioning.living(actor).order_by().values("organization_id")
    clients = Organization.objects.filter(pk__in=uses.order_by().values("client_id"))
    return clients.exclude(pk__in=seen).order_by("name", "id")


def without_template(actor: Actor, msp: Organization, name: str = "") -> QuerySet[Organization]:
    """Clients that the asker reaches and that have no template, by name. Args: name: a part of theirs."""
    used = TemplateUse.objects.filter(organization=msp).values("client_id")
    found = clients_of(actor, msp).exclude(pk__in=used).order_by("name", "id")
    return found.filter(name__icontains=name) if name else found


def all_of(msp_id: str) -> dict[str, ClientTemplate]:
    """Every template of an MSP by id. The caller has found the MSP as who is asking."""
    return {each.pk: each for each in ClientTemplate.objects.filter(organization=msp_id)}


def names_of(templates: Mapping[str, ClientTemplate]) -> dict[str, str]:
    """Their names by id."""
    return {each.pk: each.name for each in templates.values()}


def by_name(templates: Mapping[str, ClientTemplate]) -> list[ClientTemplate]:
    """The same as people choose from them."""
    return sorted(templates.values(), key=lambda each: each.name)
