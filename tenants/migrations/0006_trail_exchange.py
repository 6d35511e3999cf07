"""How far the portal and tenants' objects told each other of their audit trails."""

import django.db.models.deletion
from django.db import migrations, models

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

DUE = """
  SELECT DISTINCT t.organization_id::text FROM tenants_tenant t
  JOIN controlplane_audithead h ON h.organization_id = t.organization_id
  LEFT JOIN tenants_trailexchange x ON x.tenant_id = t.id
  WHERE t.deleted_at IS NULL AND t.generation > 0 AND (
    x.tenant_id IS NULL OR h.position <> x.settled_position
    OR (t.edge_view #>> '{audit,position}')::bigint > x.edge_position
  )
"""


class Migration(migrations.Migration):
    dependencies = [
        ("controlplane", "0007_audit_checks"),
        ("organizations", "0008_people_of_trail"),
        ("tenants", "0005_operation_base_spec"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrailExchange",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tenants.tenant",
                    ),
                ),
                ("settled_position", models.BigIntegerField(default=0)),
                ("edge_position", models.BigIntegerField(default=0)),
                ("edge_hash", models.CharField(blank=True, default="", max_length=64)),
                ("exchanged_at", models.DateTimeField(blank=True, null=True)),
                ("differs", models.TextField(blank=True, default="")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
            ],
        ),
        EnableRowSecurity("tenants_trailexchange"),
        NarrowFunction(
            "trail_exchanges_due",
            DUE,
            returns="TABLE (organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
