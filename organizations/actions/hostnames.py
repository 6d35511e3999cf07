"""Host names of an organization's own: claim one, look for its proof, and give it up."""

from django.db import transaction
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict
from organizations import owner_notices
from organizations.access import require
from organizations.actions import proofs, trail
from organizations.domain_names import judging
from organizations.domain_names.dns import Found, look, record_name, record_text
from organizations.hostnames import serving
from organizations.hostnames.naming import usable_hostname
from organizations.models import Hostname, Organization
from organizations.standings import Standing

PERMISSION = "organization.manage"
MOST = 5
VERBS = {Hostname.State.PROVEN: "prove", Hostname.State.MISSING: "miss", Hostname.State.WITHDRAWN: "withdraw"}
TOLD = {Hostname.State.MISSING: "hostname_missing", Hostname.State.WITHDRAWN: "hostname_withdrawn"}


def claim(*, by: Actor, organization: Organization, name: str) -> Hostname:
    """
    Claim a host name: the answer holds the record to publish. It does not tell whether others claim it as well.

    Raises Invalid for what is no name of the organization's, Conflict for one that is claimed here already.
    """
    standing = require(by, PERMISSION, organization, confirmed=True)
    hostname = Hostname(organization=organization, name=usable_hostname(name), next_look_at=timezone.now())
    with rls.acting_as(f"org:{organization.pk}"):
        proofs.keep(hostname, most=MOST, too_many=f"An organization has at most {MOST} host names.")
        trail.record(by, standing, "organizations.hostname.claim", hostname.pk, hostname=hostname.name)
    return hostname


def check(*, by: Actor, organization: Organization, hostname_id: str) -> Hostname:
    """
    Look for the record now, outside any transaction. Raises Conflict where another organization has proved the name.
    """
    with rls.reading_as(by.rls_actor):
        standing = require(by, PERMISSION, organization)
    with rls.reading_as(f"org:{organization.pk}"):
        hostname = proofs.found(Hostname, organization, hostname_id)
    return _settle(by, hostname, look(hostname.name, hostname.proof), standing)


def check_due(organization_id: str, hostname_id: str) -> None:
    """The same by the clock."""
    proofs.look_by_the_clock(
        Hostname, organization_id, hostname_id, settle=_settle, as_whom="looking for proofs of host names"
    )


def give_up(*, by: Actor, organization: Organization, hostname_id: str) -> None:
    """Take a claim back; nothing is served at the name any more."""
    standing = require(by, PERMISSION, organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        hostname = proofs.found(Hostname, organization, hostname_id)
        trail.record(by, standing, "organizations.hostname.give_up", hostname.pk, hostname=hostname.name)
        hostname.delete()
        transaction.on_commit(serving.forget)


def _settle(by: Actor, hostname: Hostname, found: Found, standing: Standing | None = None) -> Hostname:
    taken = Conflict(
        "Another organization has proved this name. Nothing was changed.",
        code="HOSTNAME_TAKEN",
        hint="Once their proof is gone from DNS, yours counts.",
    )
    return proofs.settle(hostname, found, taken=taken, tell=lambda settled: _tell(by, settled, standing))


def _tell(by: Actor, hostname: Hostname, standing: Standing | None) -> None:
    state = Hostname.State(hostname.state)
    told_as = {"hostname": hostname.name, "found": hostname.looked_words}
    of = standing or hostname.organization_id
    trail.record(by, of, f"organizations.hostname.{VERBS[state]}", hostname.pk, **told_as)
    transaction.on_commit(serving.forget)
    if state in TOLD:
        owner_notices.tell_owners(
            hostname.organization,
            TOLD[state],
            hostname=hostname.name,
            record_name=record_name(hostname.name),
            record_text=record_text(hostname.proof),
            until=f"{(hostname.missing_since or timezone.now()) + judging.GRACE:%-d %B %Y}",
        )
