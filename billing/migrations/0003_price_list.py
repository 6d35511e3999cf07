"""Puts the three plans on offer."""

from django.db import migrations


def _roles(manager: str, indexer: str, dashboard: str) -> dict[str, dict[str, object]]:
    sizes = {"manager": manager, "indexer": indexer, "dashboard": dashboard}
    return {role: {"count": 1, "instance": instance} for role, instance in sizes.items()}


SMALL = _roles("standard-1", "standard-2", "standard-1")
LARGE = _roles("standard-2", "standard-4", "standard-1")

# Prices are what Cloudflare takes for the nodes of one running tenant before CPU, in whole dollars.
PLANS = [
    {
        "code": "trial",
        "name": "Trial",
        "summary": "To try the product with real agents.",
        "position": 1,
        "price_cents": 0,
        "max_tenants": 3,
        "max_agents": 50,
        "max_retention_days": 30,
        "roles": SMALL,
    },
    {
        "code": "standard",
        "name": "Standard",
        "summary": "For a company with up to a few hundred machines.",
        "position": 2,
        "price_cents": 9_700,
        "max_tenants": 20,
        "max_agents": 500,
        "max_retention_days": 90,
        "roles": SMALL,
    },
    {
        "code": "large",
        "name": "Large",
        "summary": "Larger nodes for many machines and longer retention.",
        "position": 3,
        "price_cents": 15_200,
        "max_tenants": 500,
        "max_agents": 5_000,
        "max_retention_days": 365,
        "roles": LARGE,
    },
]


def put_on_offer(apps, schema_editor):
    plan = apps.get_model("billing", "Plan")
    plan.objects.using(schema_editor.connection.alias).bulk_create(plan(**values) for values in PLANS)


def take_off(apps, schema_editor):
    plans = apps.get_model("billing", "Plan").objects.using(schema_editor.connection.alias)
    plans.filter(code__in=[values["code"] for values in PLANS]).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_row_security")]

    operations = [migrations.RunPython(put_on_offer, take_off)]
