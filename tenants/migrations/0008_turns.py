"""Turns of organizations among what is due, and claims that count as attempts before anything can go wrong."""

from django.db import migrations, models
from django.db.models import Q

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, NarrowFunction

CALLERS = (APP_ROLE, WORKER_ROLE)

DUE_TENANTS = NarrowFunction(
    "due_tenants",
    """
    WITH held AS (
      SELECT organization_id, count(*) AS taken FROM tenants_tenant WHERE lease_until >= at GROUP BY organization_id
    ), due AS (
      SELECT t.id, t.next_attempt_at, coalesce(held.taken, 0)
        + row_number() OVER (PARTITION BY t.organization_id ORDER BY t.next_attempt_at, t.id) AS turn
      FROM tenants_tenant t LEFT JOIN held USING (organization_id)
      WHERE t.next_attempt_at <= at AND t.deleted_at IS NULL AND (t.lease_until IS NULL OR t.lease_until < at)
    )
    SELECT id::text FROM due ORDER BY turn, next_attempt_at LIMIT most
    """,
    arguments="most integer, at timestamptz",
    returns="TABLE (id text)",
    language="sql",
    callers=CALLERS,
)

CLAIM_TENANT = NarrowFunction(
    "claim_tenant",
    """
    UPDATE tenants_tenant SET lease_owner = claimant, lease_until = ends, attempts = attempts + 1
    WHERE id = wanted AND deleted_at IS NULL AND next_attempt_at <= at AND (lease_until IS NULL OR lease_until < at)
    RETURNING 'org:' || organization_id
    """,
    arguments="wanted text, claimant text, at timestamptz, ends timestamptz",
    returns="TABLE (actor text)",
    language="sql",
    callers=CALLERS,
)

REFRESH_CELL = NarrowFunction(
    "refresh_cell",
    """
    UPDATE tenants_tenant SET refresh_due = true, next_attempt_at = at, feed_epoch = '', feed_seq = 0
    WHERE cell_id = cell AND generation > 0 AND deleted_at IS NULL
    RETURNING id::text
    """,
    arguments="cell text, at timestamptz",
    returns="TABLE (refreshed text)",
    language="sql",
    callers=CALLERS,
)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_agent_inventory")]

    operations = [
        migrations.AddIndex(
            model_name="tenant",
            index=models.Index(
                condition=Q(("lease_until__isnull", False)), fields=["lease_until"], name="tenants_claimed"
            ),
        ),
        migrations.AddIndex(
            model_name="tenant",
            index=models.Index(
                condition=Q(("next_attempt_at__isnull", False)),
                fields=["organization", "next_attempt_at"],
                name="tenants_due_of_organization",
            ),
        ),
        DUE_TENANTS,
        CLAIM_TENANT,
        REFRESH_CELL,
    ]
