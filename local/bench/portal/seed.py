"""`python -m local.bench.portal.seed --tenants N`: fills a migrated database and prints what measures need of it.

An MSP whose clients have a hundred tenants each, and an organization on its own with as many. It connects as the owner
of the tables; row-level security binds the portal, not this.
"""

import argparse
import datetime as dt
import json
from typing import Any

import django
from django.db import connection, transaction
from django.utils import timezone

from local.bench.portal.view import SPEC, view_of

TENANTS_OF_CLIENT = 100
KEY_DAYS = dt.timedelta(days=1)
PLAN = "bench"
# Its other tenants are made of a client's first one by the database: Python would take a minute for 100,000.
COPIED = """
INSERT INTO tenants_tenant ({columns})
SELECT {values} FROM tenants_tenant t, generate_series(1, %s) n
"""
DIFFERENT = {
    "id": "left('lo' || md5(t.id || n), 26)",
    "name": "left(t.name, -2) || lpad(n::text, 2, '0')",
    "created_at": "t.created_at - n * interval '17 minutes'",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, required=True)
    count = parser.parse_args().tenants
    django.setup()
    clients = max(1, count // TENANTS_OF_CLIENT)
    with transaction.atomic():
        described = _seed(clients)
        described["cursors"] = _cursors(clients * TENANTS_OF_CLIENT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps(described))


def _seed(clients: int) -> dict[str, Any]:
    from billing.models import Plan, Subscription
    from organizations.models import Grant, Organization

    msp, key = _founded("Northgate Security", "msp")
    own, own_key = _founded("Alder Dental Group", "organization")
    made = [Organization(name=client_name(number), slug=f"client-{number}") for number in range(clients)]
    Organization.objects.bulk_create(made, batch_size=500)
    review_at = timezone.now() + dt.timedelta(days=90)
    Grant.objects.bulk_create(
        (Grant(msp_id=msp, client=client, role_ceiling="admin", review_at=review_at) for client in made),
        batch_size=500,
    )
    largest = Plan.objects.order_by("-max_tenants")[0]
    largest.pk, largest.max_tenants = PLAN, 1_000_000_000
    largest.save(force_insert=True)
    Subscription.objects.bulk_create(
        (Subscription(organization=client, plan_id=PLAN, tenants_used=TENANTS_OF_CLIENT) for client in made),
        batch_size=500,
    )
    *ids, own_tenant = _tenants([*made, Organization.objects.get(pk=own)])
    return {
        **{"msp": msp, "key": key, "clients": [client.pk for client in made], "tenants": ids},
        **{"own_key": own_key, "own_tenant": own_tenant},
    }


def _founded(name: str, kind: str) -> tuple[str, str]:
    """An organization's id, and the text of a key that may do all that its owner may."""
    from controlplane import rls
    from controlplane.actor import Actor
    from organizations.actions import keys, sign_up
    from organizations.models import User
    from organizations.roles.named import permissions_of_role

    owner = User.objects.create_user(f"owner@{kind}.example", name="Owner", email_verified=True)
    actor = Actor(user_id=owner.pk, kind="user", reason="bench")
    with rls.acting_as(actor.rls_actor):
        organization = sign_up.found(by=actor, name=name, kind=kind)
        scopes = permissions_of_role(organization.pk, "owner")
        _, text = keys.create(by=actor, organization=organization, name="bench", scopes=scopes, expires_in=KEY_DAYS)
    return organization.pk, text


def client_name(number: int) -> str:
    """What a client is called."""
    return f"Client {number:05}"


def _tenants(clients: list[Any]) -> list[str]:
    """Makes them all; returns the ids of each client's first."""
    from controlplane.environment import environment
    from tenants.provisioning.identity import mint
    from tenants.provisioning.models import Cell, Tenant
    from tenants.provisioning.told import columns_of

    cell = Cell.objects.create(
        **{"id": "lo", "base_url": "https://edge.bench.example", "dashboard_zone": "dash.bench.example"},
        **{"runtime": "cloudflare", "versions": [SPEC["version"]], "capacity": 1_000_000_000},
    )
    key, now = bytes.fromhex(environment().cell_id_keys[cell.pk]), timezone.now()
    first = []
    for number, client in enumerate(clients):
        tenant_id = mint(cell.pk, key)
        view = view_of(tenant_id, number, now)
        first.append(
            Tenant(
                **{"id": tenant_id, "organization": client, "cell": cell, "name": f"Tenant {number:05}-00"},
                **{"spec": SPEC, "generation": 1, "sent_hash": "0" * 64, "observed": "running"},
                **{"observed_generation": 1, "edge_view": view, "edge_seq": number, "told_at": now},
                **columns_of(view),
            )
        )
    Tenant.objects.bulk_create(first, batch_size=500)
    _copy([str(field.column) for field in Tenant._meta.concrete_fields])
    return [tenant.pk for tenant in first]


def _copy(columns: list[str]) -> None:
    values = ", ".join(DIFFERENT.get(name, f"t.{name}") for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(COPIED.format(columns=", ".join(columns), values=values), [TENANTS_OF_CLIENT - 1])


def _cursors(count: int) -> list[str]:
    """By which the list, newest first, names its parts: from nine places in it on, and its last page."""
    from controlplane.keyset import DEFAULT_LIMIT, page_of
    from tenants.provisioning.models import Tenant

    found: list[str | None] = [None]
    rows, tenth = Tenant.objects.only("id", "created_at"), count // 10
    for length in (*[tenth] * 9, tenth - DEFAULT_LIMIT):
        found.append(page_of(rows, cursor=found[-1], limit=length).older)
    return [cursor for cursor in found if cursor]


if __name__ == "__main__":
    main()
