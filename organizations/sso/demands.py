"""
How somebody must sign in to each of their organizations: asked before a sign-in counts, and at every entry.

An organization may demand its own sign-in of everybody (its policy), or of members with an address of one of its
domains, and then by that domain's connection alone. The one owner it chose for emergencies is let in by the platform's
sign-in all the same. A domain's demand does not end when its proof does: it is the organization's word about its own
members, and whoever can empty a zone file must not be able to loosen it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from organizations.domain_names.names import domain_of
from organizations.models import Connection, Domain, Membership, Organization, User


@dataclass(frozen=True)
class Demand:
    """
    What one organization takes of one member.

    `connections` are the ids of those whose proof counts; `with_second_factor` those that ask for one themselves, with
    the values of which their answer must say one (none: it always counts). `is_strict` says that the platform's and an
    account's own proof do not count, and `breaks_glass` that they do for this one person.
    """

    organization: Organization
    connections: tuple[str, ...]
    with_second_factor: Mapping[str, frozenset[str]]
    is_strict: bool
    breaks_glass: bool

    @property
    def takes_platform(self) -> bool:
        return not self.is_strict or self.breaks_glass

    def shows_second_factor(self, connection: str, methods: Iterable[str]) -> bool:
        """Whether a sign-in by that connection counts as one. Args: methods: how it said that it was done."""
        wanted = self.with_second_factor.get(connection)
        return wanted is not None and (not wanted or not wanted.isdisjoint(methods))


def demands_on(user: User) -> list[Demand]:
    """The demands of all organizations that the person may enter. The caller acts as them."""
    memberships = Membership.objects.filter(user_id=user.pk, blocked_at=None).select_related("organization")
    organizations = [membership.organization for membership in memberships]
    enabled: dict[str, list[Connection]] = {}
    for connection in Connection.objects.filter(organization__in=organizations, state=Connection.State.ENABLED).only(
        "id", "organization_id", "does_second_factor", "second_factor_values"
    ):
        enabled.setdefault(connection.organization_id, []).append(connection)
    enforced = dict(
        Domain.objects.filter(organization__in=organizations, enforced=True, name=domain_of(user.email)).values_list(
            "organization_id", "connection_id"
        )
    )
    return [_demand(one, enabled.get(one.pk, []), enforced.get(one.pk), user) for one in organizations]


def asks_for_own_sign_in(organization: Organization, email: str) -> bool:
    """Whether a member with this address would have to come in by a connection. The caller acts as the organization."""
    if organization.sign_in_policy == Organization.SignInPolicy.CONNECTION:
        return True
    return Domain.objects.filter(organization=organization, enforced=True, name=domain_of(email)).exists()


def closing(user: User) -> Demand | None:
    """
    The demand that makes the platform's sign-in worth nothing to the person, because all their organizations have one.

    Somebody who also belongs elsewhere signs in, and meets each demand at the entry.
    """
    found = [demand for demand in demands_on(user) if demand.organization.is_active]
    return found[0] if found and not any(demand.takes_platform for demand in found) else None


def _demand(organization: Organization, enabled: list[Connection], enforced: str | None, user: User) -> Demand:
    by_policy = organization.sign_in_policy == Organization.SignInPolicy.CONNECTION
    return Demand(
        organization,
        connections=tuple(one.pk for one in enabled if enforced in (None, one.pk)),
        with_second_factor={one.pk: frozenset(one.second_factor_values) for one in enabled if one.does_second_factor},
        is_strict=by_policy or enforced is not None,
        breaks_glass=organization.break_glass_id == user.pk,
    )
