"""How far audit chains held when they were walked last."""

import django.utils.timezone
from django.db import migrations, models

from controlplane.rls_operations import EnableRowSecurity, NarrowFunction, PostgresSQL


def _chains(query: str) -> list[str]:
    function = NarrowFunction(
        "audit_chains",
        query,
        returns="TABLE (organization_id text)",
        language="sql",
        callers=("app", "worker"),
    )
    return function.statements()


HEADS, CHECKS = (f"SELECT organization_id FROM controlplane_audit{name}" for name in ("head", "check"))  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0006_audit_search")]

    operations = [
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("organization_id", models.TextField(primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(default=0)),
                ("mac", models.TextField(blank=True, default="")),
                ("is_over", models.BooleanField(default=False)),
                ("found", models.JSONField(blank=True, default=list)),
                ("began_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("breaks", models.JSONField(blank=True, default=list)),
                ("seen", models.BigIntegerField(default=0)),
                ("checked_at", models.DateTimeField(null=True)),
            ],
        ),
        EnableRowSecurity("controlplane_auditcheck"),
        # A chain whose kept end was removed is still known by the checks that it passed.
        PostgresSQL(_chains(HEADS + " UNION " + CHECKS), _chains(HEADS)),
    ]
