"""
What the directory says about somebody who was proven: asked at every sign-in, and by whoever decides about members.

The caller acts as the organization.
"""

from dataclasses import dataclass

from django.db.models import F

from organizations.models import Connection, DirectoryGroup, DirectoryMember, DirectoryUser, User
from organizations.scim.models import name_key
from organizations.sso.proven import ProvenIdentity

# Which attribute of SCIM holds what the connection calls its people, unless the organization says otherwise.
USUAL_ATTRIBUTE = {"saml": "userName", "oidc": "externalId"}
ATTRIBUTES = ("userName", "externalId")


@dataclass(frozen=True)
class Provision:
    """
    What the directory says. `entry` is the person's row there, if any.

    `is_closed` says that it took them away, by this or another connection of the organization; `groups` are what roles
    follow.
    """

    entry: DirectoryUser | None
    is_closed: bool
    groups: tuple[str, ...]

    @property
    def is_expected(self) -> bool:
        """Whether the directory names them as somebody who belongs, so that they may join."""
        return self.entry is not None and not self.is_closed


def provision_of(connection: Connection, identity: ProvenIdentity, user: User | None) -> Provision:
    """What the directory says about an identity that its connection proved. Args: user: the person who has it."""
    entry = _entry(connection, identity, user)
    closed = entry.is_closed if entry else False
    closed = closed or (user is not None and is_closed(connection.organization_id, user.pk))
    told = groups_of(entry) if entry and pushes_groups(connection) else identity.groups
    return Provision(entry, closed, told)


def is_closed(organization_id: str, user_id: str) -> bool:
    """Whether a directory of the organization took somebody away who was proven to be in it."""
    rows = DirectoryUser.objects.filter(organization_id=organization_id, user_id=user_id)
    return rows.exclude(active=True, deleted_at=None).exists()


def pushes_groups(connection: Connection) -> bool:
    """Whether the directory tells groups. Roles of its people follow these then, and not what is said at sign-in."""
    return DirectoryGroup.objects.filter(connection=connection).exists()


def groups_of(entry: DirectoryUser) -> tuple[str, ...]:
    """Names and external ids of somebody's groups: the table of roles may hold either."""
    rows = DirectoryMember.objects.filter(member=entry).values_list("group__display_name", "group__external_id")
    return tuple(dict.fromkeys(name for row in rows.order_by("id") for name in row if name))


def binds_by(connection: Connection) -> str:
    """The SCIM attribute that holds what the connection calls its people."""
    return str(connection.provisioning.get("attribute") or USUAL_ATTRIBUTE[connection.kind])


def claim_of(connection: Connection) -> str:
    """The claim that is compared with it; empty for the subject itself."""
    return str(connection.provisioning.get("claim", ""))


def subject_of(connection: Connection, entry: DirectoryUser) -> str:
    """What the connection will call the person of a row."""
    return entry.user_name if binds_by(connection) == "userName" else entry.external_id


def called(connection: Connection, value: str) -> dict[str, str]:
    """The condition on rows whose person the connection calls so."""
    return {"name_key": name_key(value)} if binds_by(connection) == "userName" else {"external_id": value}


def _entry(connection: Connection, identity: ProvenIdentity, user: User | None) -> DirectoryUser | None:
    """
    The row of somebody: the one tied to them, else one that is tied to nobody and bears their name.

    The attack: somebody whom the provider lets choose a claim takes another's name. A row that is tied stays tied.
    """
    rows = DirectoryUser.objects.filter(connection=connection).order_by(F("deleted_at").desc(nulls_first=True))
    tied = rows.filter(user=user).first() if user else None
    claim = claim_of(connection)
    value = next(iter(identity.claims.get(claim, [])), "") if claim else identity.uid
    return tied or (rows.filter(user=None, **called(connection, value)).first() if value else None)
