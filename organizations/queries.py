"""Reads of this room. Every one takes who is asking."""

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.socialaccount.models import SocialAccount
from django.db.models import Model, Q, QuerySet

from controlplane.actor import Actor
from controlplane.problems import Forbidden, NotFound
from organizations.access import refusal, require
from organizations.models import (
    AccessRequest,
    ApiKey,
    ClientName,
    Connection,
    Domain,
    EmergencyAccess,
    Grant,
    Hostname,
    Invitation,
    JoinRequest,
    MailSender,
    Membership,
    Offboarding,
    Organization,
)
from organizations.roles.named import NamedRole, role_in, roles_in
from organizations.standings import (
    Standing,
    current,
    may,
    reached,
    standing_of,
    standings_of,
)
from organizations.visibility import stands_in


def visible_to(actor: Actor, permission: str = "") -> QuerySet[Organization]:
    """
    Organizations that `actor` may enter: their own, and clients of MSPs that they belong to.

    Args: permission: only where they have it, by their own role or by what it is cut down to.
    """
    return Organization.objects.filter(stands_in(actor, permission))


def find(actor: Actor, organization_id: str) -> Organization:
    """One organization that `actor` may enter; raises NotFound, or NotAdmitted to somebody who belongs there."""
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None or standing_of(actor, organization) is None:
        raise refusal(actor, organization_id)
    return organization


def members_of(actor: Actor, organization: Organization) -> QuerySet[Membership]:
    """Everybody who belongs to the organization itself, with their person."""
    require(actor, "member.view", organization)
    return Membership.objects.filter(organization=organization).select_related("user")


def member(actor: Actor, organization: Organization, membership_id: str) -> Membership:
    """One membership of the organization; raises NotFound."""
    return _one(members_of(actor, organization), membership_id)


def roles_of(actor: Actor, organization: Organization) -> list[NamedRole]:
    """The roles that the organization's people can have: the five first, then its own by name."""
    require(actor, "member.view", organization)
    return list(roles_in(organization.pk).values())


def role(actor: Actor, organization: Organization, key: str) -> NamedRole:
    """One role of the organization; raises NotFound."""
    require(actor, "member.view", organization)
    found = role_in(organization.pk, key)
    if found is None:
        raise NotFound
    return found


def invitations_of(actor: Actor, organization: Organization) -> QuerySet[Invitation]:
    """Invitations that can be taken up, or that ended lately and can be sent again."""
    require(actor, "member.view", organization)
    return Invitation.objects.filter(organization=organization).select_related("invited_by")


def invitation(actor: Actor, organization: Organization, invitation_id: str) -> Invitation:
    """One invitation of the organization; raises NotFound."""
    return _one(invitations_of(actor, organization), invitation_id)


def join_requests_of(actor: Actor, organization: Organization) -> QuerySet[JoinRequest]:
    """Requests to join that wait for somebody to decide. Who asks is shown only to those who may."""
    require(actor, "member.manage", organization)
    return JoinRequest.objects.open().filter(organization=organization)


def keys_of(actor: Actor, organization: Organization) -> QuerySet[ApiKey]:
    """All API keys of the organization, also those that no longer work."""
    require(actor, "key.manage", organization)
    return ApiKey.objects.filter(organization=organization).select_related("owner")


def key(actor: Actor, organization: Organization, key_id: str) -> ApiKey:
    """One API key of the organization; raises NotFound."""
    return _one(keys_of(actor, organization), key_id)


def connections_of(actor: Actor, organization: Organization) -> QuerySet[Connection]:
    """The organization's identity providers."""
    require(actor, "sso.manage", organization)
    return Connection.objects.filter(organization=organization)


def connection(actor: Actor, organization: Organization, connection_id: str) -> Connection:
    """One identity provider of the organization; raises NotFound."""
    return _one(connections_of(actor, organization), connection_id)


def domains_of(actor: Actor, organization: Organization) -> QuerySet[Domain]:
    """The organization's claimed domains, with the connection that each leads to."""
    require(actor, "sso.manage", organization)
    return Domain.objects.filter(organization=organization).select_related("connection")


def domain(actor: Actor, organization: Organization, domain_id: str) -> Domain:
    """One claimed domain of the organization; raises NotFound."""
    return _one(domains_of(actor, organization), domain_id)


def hostnames_of(actor: Actor, organization: Organization) -> QuerySet[Hostname]:
    """Host names that the organization claims."""
    require(actor, "organization.manage", organization)
    return Hostname.objects.filter(organization=organization)


def hostname(actor: Actor, organization: Organization, hostname_id: str) -> Hostname:
    """One claimed host name of the organization; raises NotFound."""
    return _one(hostnames_of(actor, organization), hostname_id)


def mail_sender(actor: Actor, organization: Organization) -> MailSender:
    """In whose name the organization's mails are to go out; an empty one, that is not stored, where nobody chose."""
    require(actor, "organization.manage", organization)
    chosen = MailSender.objects.filter(pk=organization.pk).first()
    return chosen or MailSender(organization=organization)


@dataclass(frozen=True)
class WayIn:
    """A connection of the organization, and whether the asker has tied a sign-in of it to their account."""

    connection: Connection
    is_tied: bool


def own_ways_in(actor: Actor, organization: Organization) -> list[WayIn]:
    """The organization's connections by which the asker, as its own member, may sign in; none for an MSP's people."""
    if actor.kind != "user" or not Membership.objects.filter(user_id=actor.user_id, organization=organization).exists():
        return []
    found = list(Connection.objects.filter(organization=organization, state=Connection.State.ENABLED))
    providers = [connection.provider_id for connection in found]
    tied = set(
        SocialAccount.objects.filter(user_id=actor.user_id, provider__in=providers).values_list("provider", flat=True)
    )
    return [WayIn(connection, connection.provider_id in tied) for connection in found]


def clients_of(actor: Actor, msp: Organization, *, external_id: str | None = None) -> QuerySet[Organization]:
    """
    Who the MSP's clients are, for whoever may see its people, as far as they reach them.

    Args: external_id: only the one that the MSP calls so.
    """
    require(actor, "member.view", msp)
    found = clients_reached(actor, msp)
    if external_id is None:
        return found
    return found.filter(id__in=ClientName.objects.filter(organization=msp, external_id=external_id).values("client_id"))


def clients_reached(actor: Actor, msp: Organization) -> QuerySet[Organization]:
    """
    Clients of the MSP that the asker, as its member, reaches now. Grants are not transitive: others reach none.

    The caller has required what it takes to read of them.
    """
    held = Grant.objects.filter(current(), reached(actor), msp=msp)
    return Organization.objects.filter(id__in=held.values("client_id"))


def external_ids_of(standings: Iterable[Standing]) -> dict[str, str]:
    """What MSPs call the clients in which an asker stands for them, by client."""
    pairs = {(each.msp_id, each.organization_id) for each in standings if each.msp_id}
    if not pairs:
        return {}
    named = ClientName.objects.filter(organization__in={msp for msp, _ in pairs}, client__in={one for _, one in pairs})
    return {row.client_id: row.external_id for row in named if (row.organization_id, row.client_id) in pairs}


def grants_over(actor: Actor, client: Organization) -> QuerySet[Grant]:
    """Grants that the client has given and that still hold, with their MSP."""
    require(actor, "member.view", client)
    return Grant.objects.filter(current(), client=client).select_related("msp")


def grants_around(actor: Actor, organization: Organization) -> QuerySet[Grant]:
    """Grants that hold, given by or to the organization."""
    require(actor, "member.view", organization)
    return Grant.objects.filter(current()).filter(Q(client=organization) | Q(msp=organization))


def working_under(actor: Actor) -> Grant | None:
    """The grant under which the asker's session works, with both sides, while it holds."""
    chosen = actor.working[0] if actor.working else ""
    return Grant.objects.filter(current(), pk=chosen).select_related("client", "msp").first()


def offboardings_of(actor: Actor, msp: Organization) -> QuerySet[Offboarding]:
    """Receipts of who left the MSP, the newest first."""
    require(actor, "member.manage", msp)
    return Offboarding.objects.filter(organization=msp)


def offboarding(actor: Actor, msp: Organization, offboarding_id: str) -> Offboarding:
    """One receipt; raises NotFound."""
    return _one(offboardings_of(actor, msp), offboarding_id)


def grants_named(actor: Actor, ids: Iterable[str | None]) -> QuerySet[Grant]:
    """Grants that hold of those that the asker names, seen from either side."""
    mine = visible_to(actor).values("id")
    return Grant.objects.filter(current(), Q(msp__in=mine) | Q(client__in=mine), pk__in=[each for each in ids if each])


def access_requests_of(actor: Actor, msp: Organization) -> QuerySet[AccessRequest]:
    """What the MSP has asked for, the newest first."""
    require(actor, "client.manage", msp)
    return AccessRequest.objects.filter(organization=msp)


def grants_held_by(actor: Actor, msp: Organization) -> QuerySet[Grant]:
    """Grants that hold of the MSP's clients, with the client, in the order of their names."""
    require(actor, "client.manage", msp)
    return Grant.objects.filter(current(), msp=msp).select_related("client").order_by("client__name")


def decided_by(actor: Actor) -> list[Organization]:
    """Organizations in whose own name the asker decides who has access."""
    own = list(visible_to(actor).order_by("name"))
    standings = standings_of(actor, own)
    return [each for each in own if each.pk in standings and standings[each.pk].is_own_word]


def own_standing(actor: Actor, organization_id: str) -> Standing | None:
    """How somebody stands in an organization as its own member, not through an MSP."""
    standing = standing_of(actor, organization_id)
    return standing if standing and standing.is_own else None


def emergencies_in(actor: Actor, client: Organization) -> QuerySet[EmergencyAccess]:
    """Emergencies in a client, those that go on and earlier ones, the newest first, with their MSP and person."""
    require(actor, "member.view", client)
    return EmergencyAccess.objects.filter(client=client)


def emergency(actor: Actor, emergency_id: str) -> EmergencyAccess:
    """An emergency that the asker sees from the client's or from the MSP's side; raises NotFound."""
    mine = visible_to(actor).values("id")
    return _one(EmergencyAccess.objects.filter(Q(msp__in=mine) | Q(client__in=mine)), emergency_id)


def grant(actor: Actor, grant_id: str) -> Grant:
    """A grant that the asker sees from the MSP's or from the client's side; raises NotFound, Forbidden."""
    mine = visible_to(actor).values("id")
    found = _one(Grant.objects.filter(Q(msp__in=mine) | Q(client__in=mine)), grant_id)
    if not any(may(actor, "member.view", side) for side in (found.msp_id, found.client_id)):
        raise Forbidden("Your role does not include seeing who has access.")
    return found


def grant_over(actor: Actor, client: Organization, grant_id: str) -> Grant:
    """A grant that `client` has given; raises NotFound, Forbidden."""
    return _beside(grant(actor, grant_id), client, "client_id")


def grant_around(actor: Actor, organization: Organization, grant_id: str) -> Grant:
    """A grant given by or to the organization; raises NotFound, Forbidden."""
    return _beside(grant(actor, grant_id), organization, "client_id", "msp_id")


def emergency_around(actor: Actor, organization: Organization, emergency_id: str) -> EmergencyAccess:
    """An emergency of which the organization is one side; raises NotFound."""
    return _beside(emergency(actor, emergency_id), organization, "client_id", "msp_id")


def _beside[Row: Model](row: Row, organization: Organization, *sides: str) -> Row:
    """The row, where the organization is on one of its sides: an address names both."""
    if organization.pk not in [getattr(row, side) for side in sides]:
        raise NotFound
    return row


def _one[Row: Model](rows: QuerySet[Row], key: str) -> Row:
    row = rows.filter(pk=key).first()
    if row is None:
        raise NotFound
    return row
