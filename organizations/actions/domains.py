"""An organization's e-mail domains: claim, look for the proof, say what it is used for, and give up."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations import owner_notices
from organizations.access import require
from organizations.actions import UNCHANGED, facts, proofs, trail
from organizations.actions.locks import locked_organization
from organizations.domain_names import judging
from organizations.domain_names.dns import Found, look, record_name, record_text
from organizations.domain_names.names import usable_domain
from organizations.models import Connection, Domain, Membership, Organization
from organizations.standings import Standing

MOST_DOMAINS = 50
# What owners are told of by mail, and everybody else who listens by a fact.
TOLD = {
    Domain.State.MISSING: (facts.DOMAIN_MISSING, "domain_missing"),
    Domain.State.WITHDRAWN: (facts.DOMAIN_WITHDRAWN, "domain_withdrawn"),
}


def claim(*, by: Actor, organization: Organization, name: str) -> Domain:
    """
    Claim a domain: the answer holds the record to publish. It does not tell whether others claim it as well.

    Raises Invalid for public mail services and what is no domain, Conflict for one that is claimed here already.
    """
    standing = require(by, "sso.manage", organization)
    domain = Domain(organization=organization, name=usable_domain(name), next_look_at=timezone.now())
    with rls.acting_as(f"org:{organization.pk}"):
        proofs.keep(domain, most=MOST_DOMAINS, too_many=f"An organization claims at most {MOST_DOMAINS} domains.")
        trail.record(by, standing, "organizations.domain.claim", domain.pk, domain=domain.name)
    return domain


def check(*, by: Actor, organization: Organization, domain_id: str) -> Domain:
    """
    Look for the record now, outside any transaction. Raises Conflict where another organization has proved the domain.

    That is only said to somebody whose own record is there, who may know whom the domain belongs to.
    """
    with rls.reading_as(by.rls_actor):
        standing = require(by, "sso.manage", organization)
    with rls.reading_as(f"org:{organization.pk}"):
        domain = proofs.found(Domain, organization, domain_id)
    return _settle(by, domain, look(domain.name, domain.proof), standing)


def check_due(organization_id: str, domain_id: str) -> None:
    """The same by the clock."""
    proofs.look_by_the_clock(Domain, organization_id, domain_id, settle=_settle, as_whom="looking for domain proofs")


def use(
    *,
    by: Actor,
    organization: Organization,
    domain_id: str,
    connection_id: Any = UNCHANGED,
    enforced: Any = UNCHANGED,
    join_requests: Any = UNCHANGED,
) -> Domain:
    """
    Say which connection people of the domain are led to (None for none), whether members of it must use that one, and
    whether people who have proven such an address may ask to join.

    The demand is taken only from somebody whose session that very connection proved, so that nobody locks people out
    with one that does not work, and only once an owner is kept for emergencies. Raises Conflict, NotFound, Invalid.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        domain = proofs.found(Domain, organization, domain_id)
        before = _Use(domain.connection_id, domain.enforced, domain.join_requests)
        wanted = _Use(
            before.connection_id if connection_id is UNCHANGED else connection_id,
            before.enforced if enforced is UNCHANGED else enforced,
            before.join_requests if join_requests is UNCHANGED else join_requests,
        )
        if wanted == before:
            return domain
        _check_use(standing, held, domain, before, wanted)
        domain.connection_id, domain.enforced = wanted.connection_id, wanted.enforced
        domain.join_requests = wanted.join_requests
        domain.save(update_fields=["connection", "enforced", "join_requests"])
        if wanted.demands_anew(before):
            _end_what_other_ways_opened(domain)
        trail.record(
            by,
            standing,
            "organizations.domain.use",
            domain.pk,
            domain=domain.name,
            connection=wanted.connection_id or "",
            enforced=wanted.enforced,
            join_requests=wanted.join_requests,
        )
    return domain


def give_up(*, by: Actor, organization: Organization, domain_id: str) -> None:
    """Take a claim back, with everything that stood on it."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        domain = proofs.found(Domain, organization, domain_id)
        trail.record(by, standing, "organizations.domain.give_up", domain.pk, domain=domain.name)
        domain.delete()


@dataclass(frozen=True)
class _Use:
    connection_id: str | None
    enforced: bool
    join_requests: bool

    def demands_anew(self, before: "_Use") -> bool:
        """Whether members have to use a connection that they did not have to use before."""
        return self.enforced and (self.connection_id, True) != (before.connection_id, before.enforced)


def _check_use(standing: Standing, held: Organization, domain: Domain, before: _Use, wanted: _Use) -> None:
    if wanted.join_requests and not before.join_requests and not domain.counts:
        raise _unproven()
    if wanted.connection_id is None:
        if wanted.enforced:
            raise Invalid("Choose the connection that members have to use.", field="connection")
        return
    connection = Connection.objects.filter(pk=wanted.connection_id, organization=held).first()
    if connection is None:
        raise Invalid("Choose one of your connections.", field="connection")
    if wanted.connection_id != before.connection_id and not domain.counts:
        raise _unproven()
    if wanted.demands_anew(before):
        _check_demand(standing, held, domain, connection)


def _unproven() -> Conflict:
    return Conflict("The domain is not proven yet. Nothing was changed.", code="NOT_PROVEN")


def _check_demand(standing: Standing, held: Organization, domain: Domain, connection: Connection) -> None:
    refusals = {
        "NOT_PROVEN": not domain.counts and "The domain is not proven yet.",
        "DISABLED": not connection.is_enabled and "The connection is switched off.",
        "CONNECTION_UNPROVEN": standing.connection_id != connection.pk
        and "Sign in with this connection yourself first: that proves that it works.",
        "BREAK_GLASS_NEEDED": held.break_glass_id is None and "Choose an owner for emergencies first.",
    }
    for code, words in refusals.items():
        if words:
            raise Conflict(f"{words} Nothing was changed.", code=code)


def _end_what_other_ways_opened(domain: Domain) -> None:
    """Close dashboards and streams of the domain's members: at the edge nothing tells which sign-in opened them."""
    members = Membership.objects.filter(
        organization_id=domain.organization_id, user__email__iendswith=f"@{domain.name}"
    )
    facts.publish_for(facts.SIGN_IN_DEMANDED, domain.organization_id, members.values_list("user_id", flat=True))


def _settle(by: Actor, domain: Domain, found: Found, standing: Standing | None = None) -> Domain:
    taken = Conflict(
        "Another organization has proved this domain. Nothing was changed.",
        code="DOMAIN_TAKEN",
        hint="Ask who manages it in your company. Once their proof is gone from DNS, yours counts.",
    )
    return proofs.settle(domain, found, taken=taken, tell=lambda settled: _tell(by, settled, standing))


def _tell(by: Actor, domain: Domain, standing: Standing | None) -> None:
    verb = {
        Domain.State.PROVEN: "prove",
        Domain.State.MISSING: "miss",
        Domain.State.WITHDRAWN: "withdraw",
    }[Domain.State(domain.state)]
    told_as = {"domain": domain.name, "found": domain.looked_words}
    trail.record(by, standing or domain.organization_id, f"organizations.domain.{verb}", domain.pk, **told_as)
    if told := TOLD.get(Domain.State(domain.state)):
        topic, template = told
        facts.publish(topic, organization_id=domain.organization_id, domain=domain.name)
        owner_notices.tell_owners(
            domain.organization,
            template,
            domain=domain.name,
            record_name=record_name(domain.name),
            record_text=record_text(domain.proof),
            until=f"{(domain.missing_since or timezone.now()) + judging.GRACE:%-d %B %Y}",
        )
