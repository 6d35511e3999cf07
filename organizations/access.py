"""What an organization asks of whoever wants something of it: that they stand there, may, and have shown enough."""

from dataclasses import replace

from controlplane import authority, refusals, repetitions
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, NotFound
from organizations.models import Grant, Organization
from organizations.msp import client_sets, working
from organizations.security.entering import lack
from organizations.standings import Standing, current, memberships, standing_of

# What an organization demands of a session or key that lacks it: code, what happened, what to do next.
DEMANDS = {
    "address": (
        "ADDRESS_NOT_ALLOWED",
        "{organization} can only be entered from networks on its list, and {address} is in none of them.",
        "Use your organization's network, or ask an administrator to add yours.",
    ),
    "proof": (
        "SIGN_IN_NEEDED",
        "{organization} asks for a sign-in of now, or by another way than yours.",
        "Open one of its pages in the portal and sign in there, then try again.",
    ),
    "second_factor": (
        "SECOND_FACTOR_NEEDED",
        "{organization} demands a second factor, and this session has shown none.",
        "Open one of its pages in the portal and show yours there, then try again.",
    ),
}


class NotAdmitted(Forbidden):
    """
    Somebody belongs there, but what they showed does not meet the organization's policy on entering.

    Args: by: the organization by whose membership they would enter; missing: a key of `DEMANDS`; address: the asker's
    own, which is the only one that is named.
    """

    def __init__(self, organization: Organization, missing: str, address: str, *, by: str) -> None:
        code, detail, hint = DEMANDS[missing]
        where = address or "an address that can't be told"
        super().__init__(detail.format(organization=organization, address=where), hint=hint, code=code)
        self.organization_id, self.missing, self.by = organization.pk, missing, by


class NotConfirmed(Forbidden):
    """
    The person may, but has to prove first that it is still them. Keys and the system have nobody to ask.

    Args: of_account: they must do so by a way of their own: password, passkey or the platform's sign-in.
    """

    def __init__(self, *, of_account: bool = False) -> None:
        super().__init__(
            "This needs a proof from the last ten minutes that it is you. Nothing was changed.",
            hint="Confirm that it is you, then do it again.",
            code="CONFIRMATION_NEEDED",
        )
        self.of_account = of_account


def require_sight(actor: Actor, permission: str, organization: Organization | str) -> Standing:
    """
    The standing by which `actor` may look at what `permission` opens, also in a client that they have yet to work in.

    Raises NotFound where nothing of the organization is visible to them, so that a wrong guess tells nothing,
    NotAdmitted where they belong and lack something, and Forbidden where they may not.
    """
    standing = standing_of(actor, organization)
    if standing is None:
        raise refusal(actor, organization if isinstance(organization, str) else organization.pk)
    refusals.reached(standing.organization_id, standing.grant_id)
    if permission not in standing.permissions:
        raise Forbidden(f"Your role in this organization does not include “{permission}”. Nothing was changed.")
    return standing


def require(actor: Actor, permission: str, organization: Organization | str, *, confirmed: bool = False) -> Standing:
    """
    The standing by which `actor` may do `permission`.

    Args: confirmed: what is done is dangerous, so a session must have proven within ten minutes who is at it. The
    attack: a browser left open, or a stolen session.
    Raises what `require_sight` does, NotWorkingThere to an MSP's people who have yet to choose, and NotConfirmed.
    """
    standing = require_sight(actor, permission, organization)
    if working.must_choose(actor, standing.grant_id):
        raise working.NotWorkingThere(standing.organization_id)
    if confirmed and actor.confirmed is False:
        raise NotConfirmed
    authority.note(permission, standing.organization_id)
    return standing


def require_own(
    actor: Actor, permission: str, organization: Organization | str, *, confirmed: bool = False
) -> Standing:
    """
    What `require` says, for what is done in the organization's own name: nobody does that through a grant.

    The attack: an MSP's person with an owner's ceiling lets a second MSP in, or their own in for longer.
    Raises what `require` does, and Forbidden to an MSP's people.
    """
    standing = require(actor, permission, organization, confirmed=confirmed)
    if not standing.is_own:
        raise Forbidden("Only the organization's own members do this in its name. Nothing was changed.")
    return standing


def require_managing_clients(actor: Actor, msp: Organization, *, confirmed: bool = False) -> Standing:
    """What `require_own` says of `client.manage`, for what only an MSP has. Raises Conflict for what is none."""
    standing = require_own(actor, "client.manage", msp, confirmed=confirmed)
    if not msp.is_msp:
        raise Conflict("Only a managed service provider has clients. Nothing was changed.", code="NOT_AN_MSP")
    return standing


def refusal(actor: Actor, organization_id: str) -> NotFound | NotAdmitted:
    """
    What to say to somebody who has no standing there: only who belongs learns that it exists, and what they lack.

    That somebody came from a wrong network is written into the trail of the organization.
    """
    found = _what_is_lacking(actor, organization_id)
    if isinstance(found, NotAdmitted) and found.missing == "address":
        repetitions.note(
            by=actor,
            action="organizations.session.refuse",
            organization_id=found.organization_id,
            target=actor.user_id,
            data={"code": found.code},
        )
    return found


def _what_is_lacking(actor: Actor, organization_id: str) -> NotFound | NotAdmitted:
    belongs = memberships(actor)
    lacks = dict(actor.lacks)
    for membership in belongs.filter(organization_id=organization_id):
        if missing := lacks.get(organization_id) or lack(membership.organization, actor, by=organization_id):
            return NotAdmitted(membership.organization, missing, actor.address, by=organization_id)
    through = {membership.organization_id: membership for membership in belongs}
    limits = client_sets.limits_of(actor.user_id, {one: membership.role for one, membership in through.items()})
    reaching = Grant.objects.filter(current(), client_sets.reached(through, limits), client_id=organization_id)
    for grant in reaching.select_related("client"):
        if grant.msp_id in lacks:
            return NotAdmitted(through[grant.msp_id].organization, lacks[grant.msp_id], actor.address, by=grant.msp_id)
        if missing := lack(grant.client, actor, by=grant.msp_id):
            return NotAdmitted(grant.client, missing, actor.address, by=grant.msp_id)
    return NotFound()


def working_in(actor: Actor, organization_id: str) -> Actor:
    """
    The asker as if they had chosen to work in an organization, by the grant that they reach it by.

    For what is done in several clients at once, where whoever asks was shown each of them by name.
    """
    standing = standing_of(actor, organization_id)
    if standing is None or standing.grant_id is None or standing.msp_id is None:
        return actor
    return replace(actor, working=(standing.grant_id, standing.msp_id))


def require_control(actor: Actor) -> None:
    """
    Demands that somebody who changes what proves them proved themselves just now, by a way of their own.

    The attack: an organization's identity provider signs in as one of its members, gives the account a passkey, and
    with that opens every other organization the member belongs to. Raises Forbidden for keys, NotConfirmed.
    """
    if actor.kind != "user" or not actor.is_signed_in:
        raise Forbidden("Only a person who is signed in can change their own account.")
    if actor.in_control is False:
        raise NotConfirmed(of_account=True)
