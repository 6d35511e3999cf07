"""Reads of enrollment. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from organizations import access
from tenants.enrollment.models import Agent, AgentReading, EnrollmentToken, Refusal, TokenUse
from tenants.enrollment.problems import AgentNotFound, TokenNotFound
from tenants.provisioning.models import Tenant


def tokens_of(actor: Actor, tenant: Tenant) -> QuerySet[EnrollmentToken]:
    """A tenant's enrollment tokens, the newest first."""
    access.require(actor, "token.view", tenant.organization_id)
    return EnrollmentToken.objects.filter(tenant=tenant).select_related("replaces", "replaced_by", "tenant__cell")


def token(actor: Actor, tenant: Tenant, token_id: str) -> EnrollmentToken:
    """One token. Raises TokenNotFound, also for a token of another tenant."""
    found = tokens_of(actor, tenant).filter(pk=token_id).first()
    if found is None:
        raise TokenNotFound
    return found


def uses_of(actor: Actor, token: EnrollmentToken) -> QuerySet[TokenUse]:
    """Who joined with a token, the latest first; those whose agent is gone among them."""
    access.require(actor, "token.view", token.organization_id)
    return TokenUse.objects.filter(token=token)


def agents_of(actor: Actor, tenant: Tenant) -> QuerySet[Agent]:
    """A tenant's agents, the newest first, each with the token it joined with and how old what is known of it is."""
    access.require(actor, "agent.view", tenant.organization_id)
    return with_origin(Agent.objects.filter(tenant=tenant))


def with_origin(agents: QuerySet[Agent]) -> QuerySet[Agent]:
    """The same agents with what is shown beside each of them, in one question to the database."""
    return agents.select_related("token", "tenant__agent_reading")


def agent(actor: Actor, tenant: Tenant, number: str) -> Agent:
    """One agent by its number, such as 001. Raises AgentNotFound."""
    found = agents_of(actor, tenant).filter(number=number).first()
    if found is None:
        raise AgentNotFound
    return found


def agent_reading(actor: Actor, tenant: Tenant) -> AgentReading | None:
    """When the agents were last read from the edge, and whether that was whole; None before the first time."""
    access.require(actor, "agent.view", tenant.organization_id)
    return AgentReading.objects.filter(tenant=tenant).first()


def refusals_of(actor: Actor, tenant: Tenant) -> QuerySet[Refusal]:
    """Enrollments that the edge refused, the latest first."""
    access.require(actor, "token.view", tenant.organization_id)
    return Refusal.objects.filter(tenant=tenant)
