"""Offers no more agents than an indexer's disk can hold three searchable days of (see `billing.disk`)."""

from django.db import migrations

BEFORE = {
    "standard": {"max_agents": 500, "summary": "For a company with up to a few hundred machines."},
    "large": {"max_agents": 5_000, "summary": "Larger nodes for many machines and longer retention."},
}
AFTER = {
    "standard": {"max_agents": 150, "summary": "For a company with up to 150 machines."},
    "large": {"max_agents": 300, "summary": "Larger nodes for up to 300 machines and longer retention."},
}


def _offer(lines):
    def change(apps, schema_editor):
        plans = apps.get_model("billing", "Plan").objects.using(schema_editor.connection.alias)
        for code, values in lines.items():
            plans.filter(code=code).update(**values)

    return change


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_price_list")]

    operations = [migrations.RunPython(_offer(AFTER), _offer(BEFORE))]
