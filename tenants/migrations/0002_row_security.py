"""Switches row-level security on, and makes the narrow functions of `provisioning/claims.py`."""

from django.db import migrations

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

CALLERS = (APP_ROLE, WORKER_ROLE)

TABLES = [
    "tenants_tenant",
    "tenants_operation",
    "tenants_step",
    "tenants_enrollmenttoken",
    "tenants_agent",
    "tenants_agentreading",
    "tenants_refusal",
    "tenants_revocation",
]

DUE_TENANTS = NarrowFunction(
    "due_tenants",
    """
    SELECT id::text FROM tenants_tenant
    WHERE next_attempt_at <= at AND (lease_until IS NULL OR lease_until < at)
    ORDER BY next_attempt_at LIMIT most
    """,
    arguments="most integer, at timestamptz",
    returns="TABLE (id text)",
    language="sql",
    callers=CALLERS,
)

CLAIM_TENANT = NarrowFunction(
    "claim_tenant",
    """
    UPDATE tenants_tenant SET lease_owner = claimant, lease_until = ends
    WHERE id = wanted AND deleted_at IS NULL AND next_attempt_at <= at AND (lease_until IS NULL OR lease_until < at)
    RETURNING 'org:' || organization_id
    """,
    arguments="wanted text, claimant text, at timestamptz, ends timestamptz",
    returns="TABLE (actor text)",
    language="sql",
    callers=CALLERS,
)

ACTOR_OF_CHANGE = NarrowFunction(
    "actor_of_change",
    "SELECT 'org:' || organization_id FROM tenants_tenant WHERE id = wanted AND cell_id = cell",
    arguments="cell text, wanted text",
    returns="TABLE (actor text)",
    language="sql",
    callers=CALLERS,
)

REFRESH_CELL = NarrowFunction(
    "refresh_cell",
    """
    UPDATE tenants_tenant SET refresh_due = true, next_attempt_at = at
    WHERE cell_id = cell AND generation > 0 AND deleted_at IS NULL
    RETURNING id::text
    """,
    arguments="cell text, at timestamptz",
    returns="TABLE (refreshed text)",
    language="sql",
    callers=CALLERS,
)

HURRY_CELL = NarrowFunction(
    "hurry_cell",
    """
    UPDATE tenants_tenant SET next_attempt_at = at WHERE cell_id = cell AND next_attempt_at > at
    RETURNING id::text
    """,
    arguments="cell text, at timestamptz",
    returns="TABLE (hurried text)",
    language="sql",
    callers=CALLERS,
)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial"), ("organizations", "0002_access")]

    operations = [
        *[EnableRowSecurity(table) for table in TABLES],
        DUE_TENANTS,
        CLAIM_TENANT,
        ACTOR_OF_CHANGE,
        REFRESH_CELL,
        HURRY_CELL,
    ]
