"""The recycle bin: since when a tenant lies in it, by whom, and until when."""

from django.db import migrations, models

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, NarrowFunction

DUE = """
  SELECT id::text, organization_id::text FROM tenants_tenant
  WHERE deleted_at IS NULL AND erases_at IS NOT NULL AND NOT protected AND requested <> 'deleted'
    AND (erases_at <= at OR (erases_at <= soon AND erasure_told_at IS NULL))
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0010_token_uses")]

    operations = [
        migrations.AddField("tenant", "binned_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("tenant", "binned_by", models.CharField(blank=True, max_length=64)),
        migrations.AddField("tenant", "erases_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("tenant", "erasure_told_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "tenant",
            models.Index(
                condition=models.Q(("deleted_at__isnull", True), ("erases_at__isnull", False)),
                fields=["erases_at"],
                name="tenants_in_bin",
            ),
        ),
        NarrowFunction(
            "tenants_bin_due",
            DUE,
            arguments="at timestamptz, soon timestamptz",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
