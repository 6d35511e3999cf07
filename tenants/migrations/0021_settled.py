"""When the edge told of a tenant last, and looks at those that have come to rest."""

from django.db import migrations, models

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, NarrowFunction

LOOK_AT_SETTLED = NarrowFunction(
    "look_at_settled",
    """
    UPDATE tenants_tenant SET refresh_due = true, next_attempt_at = at
    WHERE id IN (
      SELECT id FROM tenants_tenant
      WHERE next_attempt_at IS NULL AND halted_at IS NULL AND deleted_at IS NULL AND generation > 0
        AND (told_at IS NULL OR told_at < before)
      ORDER BY told_at NULLS FIRST LIMIT most FOR UPDATE SKIP LOCKED
    )
    RETURNING id::text
    """,
    arguments="at timestamptz, before timestamptz, most integer",
    returns="TABLE (looked text)",
    language="sql",
    callers=(APP_ROLE, WORKER_ROLE),
)


class Migration(migrations.Migration):
    dependencies = [("organizations", "0021_jurisdiction"), ("tenants", "0020_jurisdiction")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="tenant",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True), ("next_attempt_at__isnull", True)),
                fields=["told_at"],
                name="tenants_settled",
            ),
        ),
        LOOK_AT_SETTLED,
    ]
