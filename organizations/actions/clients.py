"""Found an MSP's client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.access import require_own
from organizations.actions import client_names, grants
from organizations.actions.founding import checked_jurisdiction, checked_name, insert_organization
from organizations.models import Grant, Organization
from organizations.permissions import Role


def create_client(
    *,
    by: Actor,
    msp: Organization,
    name: str,
    role_ceiling: str = Role.ADMIN,
    external_id: str = "",
    jurisdiction: str = "",
) -> Organization:
    """
    Found an organization that the MSP manages, with a standing grant to be reviewed in 180 days.

    Args:
        external_id: what the MSP calls it, once among its clients; empty for nothing.
        jurisdiction: where its tenants run and keep their data, for good; empty for anywhere.

    Raises Forbidden for an organization that is no MSP, Invalid for name and external id, ExternalIdTaken.
    """
    chosen = {"external_id": external_id, "jurisdiction": jurisdiction}
    with founding(by=by, msp=msp, name=name, role_ceiling=role_ceiling, **chosen) as (client, _):
        return client


@contextmanager
def founding(
    *, by: Actor, msp: Organization, name: str, role_ceiling: str, external_id: str, jurisdiction: str
) -> Iterator[tuple[Organization, Actor]]:
    """
    Found a client and set it up, in the caller's transaction: answers it, and its founder as who works in it.

    Within the block the MSP's access is an owner's, so that the founder, in their own role, invites the first owners
    and makes the first tenant whatever access the MSP keeps. Nobody else sees anything of it before the block has
    ended, and with that it is `role_ceiling`. Args and what it raises: as `create_client` has them.
    """
    require_own(by, "client.manage", msp)
    if not msp.is_msp:
        raise Forbidden("Only a managed service provider has clients. Nothing was made.")
    ceiling = grants.checked_ceiling(role_ceiling)
    where = checked_jurisdiction(jurisdiction)
    client = Organization(name=checked_name(name), jurisdiction=where, created_by_id=by.user_id or None)
    with transaction.atomic():
        with rls.acting_as(f"org:{client.pk}"):
            insert_organization(by=by, organization=client, way="msp")
            grant = Grant.objects.create(
                msp=msp, client=client, role_ceiling=Role.OWNER, review_at=timezone.now() + grants.REVIEW_AFTER
            )
            grant.role_ceiling = ceiling
            grants.record(by, grant, "organizations.grant.create")
            client_names.give(msp.pk, client, external_id)
        yield client, replace(by, working=(grant.pk, msp.pk))
        with rls.acting_as(f"org:{client.pk}"):
            grant.save(update_fields=["role_ceiling"])
