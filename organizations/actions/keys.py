"""Make, rotate and revoke API keys."""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import body_of, digest, make_token
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.access import require
from organizations.actions import facts, trail
from organizations.keys.models import LONGEST_DAYS, new_key_id
from organizations.models import ApiKey, Membership, Organization
from organizations.permissions import OF_TENANTS, PERMISSIONS
from organizations.roles.named import permissions_of_role
from organizations.security.entering import checked_networks
from organizations.standings import Standing

LONGEST_OVERLAP = dt.timedelta(days=7)
"""For how long a key works beside its successor at most."""


def create(
    *,
    by: Actor,
    organization: Organization,
    name: str,
    scopes: Iterable[str],
    expires_in: dt.timedelta,
    tenant_ids: Sequence[str] = (),
    networks: Sequence[str] = (),
    service_account: str | None = None,
) -> tuple[ApiKey, str]:
    """
    Make a key that acts for its owner in one organization; returns the row and the key's text, which is shown once.

    Args: scopes: permissions, at most the asker's own; expires_in: at most LONGEST_DAYS; tenant_ids: tenants it is
    limited to, none for all; networks: CIDR ranges it may be used from, none for all; service_account: the user id of
    the one that owns it, the asker for None.
    Raises Invalid naming the field, Forbidden where the key could do more than the asker.
    """
    standing = require(by, "key.manage", organization, confirmed=True)
    wanted = _scopes(standing, scopes)
    if tenant_ids:
        _of_tenants_alone(wanted)
    _check_form(name, expires_in)
    key = ApiKey(
        id=new_key_id(),
        organization=organization,
        owner_id=service_account or by.user_id,
        name=name.strip(),
        scopes=wanted,
        tenant_ids=list(dict.fromkeys(tenant_ids)),
        networks=_networks(networks),
        expires_at=timezone.now() + expires_in,
    )
    with rls.acting_as(f"org:{organization.pk}"):
        if not Membership.objects.filter(organization=organization, user_id=by.user_id).exists():
            raise Forbidden(
                "A key ends with its owner's membership, and you are not a member here. Make it in your own."
            )
        if service_account is not None:
            _check_service_account(key)
        _within_maker(by, key)
        return key, _issue(by, standing, key)


def rotate(
    *, by: Actor, organization: Organization, key_id: str, overlap: dt.timedelta, expires_in: dt.timedelta
) -> tuple[ApiKey, str]:
    """
    Make a successor that may do the same, and end the key when the overlap is over; both work meanwhile.

    Returns the successor's row and text. What is open at the edge under the old key is closed, and can be opened anew.

    Args: overlap: at most LONGEST_OVERLAP, none to end it now.
    Raises NotFound, Conflict for a key that has ended, Invalid, Forbidden for another person's key, which would let the
    asker act as them, and for a key that rotates itself: whoever stole it would keep it.
    """
    standing = require(by, "key.manage", organization, confirmed=True)
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid(f"The overlap is at most {LONGEST_OVERLAP.days} days.", field="overlap_hours")
    with rls.acting_as(f"org:{organization.pk}"):
        old = ApiKey.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=key_id).first()
        if old is None or old.organization_id != organization.pk:
            raise NotFound
        _check_rotation(by, old)
        _check_form(old.name, expires_in)
        key = ApiKey(
            id=new_key_id(),
            organization=organization,
            owner=old.owner,
            name=old.name,
            scopes=_scopes(standing, old.scopes),
            tenant_ids=list(old.tenant_ids),
            networks=list(old.networks),
            expires_at=timezone.now() + expires_in,
            replaces=old,
        )
        _within_maker(by, key)
        _shorten(by, standing, old, timezone.now() + overlap)
        return key, _issue(by, standing, key)


def revoke(*, by: Actor, organization: Organization, key_id: str) -> tuple[ApiKey, list[ApiKey]]:
    """
    End a key at once, and what it made, and what that made; returns it and those that ended with it.

    The attack: a leaked key makes itself successors. Ending it again changes nothing. Raises NotFound.
    """
    standing = require(by, "key.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        key = ApiKey.objects.filter(organization=organization, pk=key_id).first()
        if key is None:
            raise NotFound
        ended = _end(by, key, standing)
    return key, [each for each in ended if each.pk != key.pk]


def revoke_all_of(*, by: Actor, organization: Organization, user_id: str) -> None:
    """End a person's keys in an organization, in the transaction in which their membership ends."""
    for key in ApiKey.objects.filter(organization=organization, owner_id=user_id):
        _end(by, key, organization.pk)


def _check_rotation(by: Actor, key: ApiKey) -> None:
    if key.state != "active":
        raise Conflict(
            "This key has ended, so that there is nothing to rotate. Nothing was changed.",
            code="KEY_ENDED",
            hint="Make a new key.",
        )
    if by.key_id == key.pk:
        raise Forbidden(
            "A key can't rotate itself. No key was made.", hint="Rotate it in a browser, or by another key."
        )
    if key.owner_id != by.user_id and not key.owner.is_service:
        raise Forbidden(
            "Only its owner can rotate a person's key: you would act as them. No key was made.",
            hint="Revoke it, or have its owner rotate it.",
        )


def _shorten(by: Actor, standing: Standing, key: ApiKey, ends_at: dt.datetime) -> None:
    """Ends a key at a moment, if it does not end before."""
    if ends_at < key.expires_at:
        key.expires_at = ends_at
        key.save(update_fields=["expires_at"])
        facts.publish(facts.KEY_SHORTENED, organization_id=key.organization_id, key=key.pk, user=key.owner_id)
    told = {"name": key.name, "expires_at": key.expires_at.isoformat()}
    trail.record(by, standing, "organizations.api_key.rotate", key.pk, **told)


def _check_service_account(key: ApiKey) -> None:
    account = Membership.objects.filter(
        organization_id=key.organization_id, user_id=key.owner_id, user__is_service=True
    ).first()
    if account is None:
        raise Invalid("This is no service account of the organization. No key was made.", field="service_account")
    beyond = set(key.scopes) - permissions_of_role(key.organization_id, account.role)
    if beyond:
        raise Invalid(
            f"The service account's role does not allow {', '.join(sorted(beyond))}. No key was made.", field="scopes"
        )


def _issue(by: Actor, standing: Standing, key: ApiKey) -> str:
    text = make_token("api", key.organization_id, body_of(key.pk))
    key.secret_digest = digest(text)
    key.save(force_insert=True)
    told = {"name": key.name, "scopes": key.scopes, "expires_at": key.expires_at.isoformat()}
    trail.record(by, standing, "organizations.api_key.create", key.pk, **told)
    return text


def _end(by: Actor, key: ApiKey, standing: Standing | str) -> list[ApiKey]:
    """Ends a key and whatever it made; returns those that had not ended before, itself first."""
    now = timezone.now()
    if not ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now):
        return []
    key.revoked_at = now
    facts.publish(facts.KEY_REVOKED, organization_id=key.organization_id, key=key.pk, user=key.owner_id)
    told = {"name": key.name, "made_with": key.made_with_id or ""}
    trail.record(by, standing, "organizations.api_key.revoke", key.pk, **told)
    made = ApiKey.objects.filter(organization_id=key.organization_id, made_with=key)
    return [key, *(ended for each in made for ended in _end(by, each, standing))]


def _check_form(name: str, expires_in: dt.timedelta) -> None:
    if not dt.timedelta(minutes=1) <= expires_in <= dt.timedelta(days=LONGEST_DAYS):
        raise Invalid(f"A key lasts between a minute and {LONGEST_DAYS} days.", field="expires_in")
    if not name.strip() or len(name) > 120:
        raise Invalid("The name has between 1 and 120 characters.", field="name")


def _scopes(standing: Standing, scopes: Iterable[str]) -> list[str]:
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in PERMISSIONS]
    if not wanted or unknown:
        raise Invalid(f"Scopes are one or more of {', '.join(sorted(PERMISSIONS))}.", field="scopes")
    beyond = [scope for scope in wanted if scope not in standing.permissions]
    if beyond:
        raise Forbidden(f"A key can't do more than its maker: {', '.join(beyond)} is beyond you. No key was made.")
    return wanted


def _of_tenants_alone(scopes: Iterable[str]) -> None:
    beyond = [scope for scope in scopes if scope not in OF_TENANTS]
    if beyond:
        raise Invalid(
            f"A key that is limited to tenants can't have {', '.join(beyond)}, which reaches all of the organization."
            " No key was made.",
            field="scopes",
        )


def _networks(networks: Sequence[str]) -> list[str]:
    """The attack, or the accident: a script whose variable is empty makes a key for everywhere."""
    if not all(network.strip() for network in networks):
        raise Invalid(
            "A network is empty. Leave it out to make a key for everywhere. No key was made.", field="networks"
        )
    return checked_networks(networks)


def _within_maker(by: Actor, key: ApiKey) -> None:
    """
    A key made with a key inherits its limits.

    The attack: a leaked key that is about to expire, or is limited to a network, makes itself a successor without the
    limit. One that is limited to tenants makes none.
    """
    if by.kind != "api_key":
        return
    # Held, so that whoever ends the maker at this moment comes before this, or finds what it made.
    maker = key.made_with = ApiKey.objects.select_for_update().get(pk=by.key_id)
    if maker.state != "active":
        raise Forbidden("The key that makes this one has ended. No key was made.")
    key.networks = key.networks or list(maker.networks)
    key.expires_at = min(key.expires_at, maker.expires_at)
    if maker.networks and not all(_inside(network, maker.networks) for network in key.networks):
        raise Forbidden("The key that makes this one is limited to other networks. No key was made.")


def _inside(network: str, allowed: Iterable[str]) -> bool:
    inner: Any = ipaddress.ip_network(network)
    outers: list[Any] = [ipaddress.ip_network(text) for text in allowed]
    return any(inner.version == outer.version and inner.subnet_of(outer) for outer in outers)
