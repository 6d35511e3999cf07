"""Row-level security of the control plane's own tables, and an audit trail that the database itself keeps append-only."""

from django.db import migrations

from controlplane.rls_operations import EnableRowSecurity, NarrowFunction, PostgresSQL, SQLiteSQL

ME = "current_setting('app.actor', true)"
CALLERS = ("app", "worker")

OUTBOX_DUE = """
  SELECT id, organization_id FROM controlplane_delivery
  WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT wanted
"""

FORGET_OLD_ROWS = """
  WITH answers AS (DELETE FROM controlplane_rememberedanswer WHERE created_at < answers_before),
  done AS (
    SELECT id FROM controlplane_message m WHERE created_at < messages_before AND NOT EXISTS
      (SELECT 1 FROM controlplane_delivery d WHERE d.message_id = m.id AND d.delivered_at IS NULL)
  ),
  deliveries AS (DELETE FROM controlplane_delivery WHERE message_id IN (SELECT id FROM done))
  DELETE FROM controlplane_message WHERE id IN (SELECT id FROM done)
"""

APPEND_ONLY = """
BEGIN
  RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'insufficient_privilege';
END
"""


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0001_initial")]

    operations = [
        # Readable for whom it names; not forced, so that the owner's triggers can fill it whoever acts.
        PostgresSQL(
            [
                "ALTER TABLE organizations_access ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY by_actor ON organizations_access FOR SELECT TO app, worker"
                f" USING (actor = {ME} AND (ends_at IS NULL OR ends_at > now()))",
                "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON organizations_access FROM app, worker",
            ],
            [
                "DROP POLICY by_actor ON organizations_access",
                "ALTER TABLE organizations_access DISABLE ROW LEVEL SECURITY",
            ],
        ),
        EnableRowSecurity("controlplane_audithead"),
        EnableRowSecurity("controlplane_auditentry"),
        EnableRowSecurity("controlplane_message"),
        EnableRowSecurity("controlplane_delivery"),
        EnableRowSecurity("controlplane_rememberedanswer", using=f"actor = {ME} AND actor <> ''"),
        NarrowFunction(
            "outbox_due",
            OUTBOX_DUE,
            arguments="wanted integer",
            returns="TABLE (id bigint, organization_id text)",
            language="sql",
            callers=CALLERS,
        ),
        NarrowFunction(
            "audit_chains",
            "SELECT organization_id FROM controlplane_audithead",
            returns="TABLE (organization_id text)",
            language="sql",
            callers=CALLERS,
        ),
        NarrowFunction(
            "forget_old_rows",
            FORGET_OLD_ROWS,
            arguments="answers_before timestamptz, messages_before timestamptz",
            returns="void",
            language="sql",
            callers=CALLERS,
        ),
        NarrowFunction("audit_append_only", APPEND_ONLY),
        PostgresSQL(
            [
                "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON controlplane_auditentry"
                " FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
                "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON controlplane_auditentry"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
                "REVOKE UPDATE, DELETE, TRUNCATE ON controlplane_auditentry FROM app, worker",
                "REVOKE DELETE, TRUNCATE ON controlplane_audithead FROM app, worker",
            ],
            [
                "DROP TRIGGER never_emptied ON controlplane_auditentry",
                "DROP TRIGGER append_only ON controlplane_auditentry",
            ],
        ),
        SQLiteSQL(
            [
                "CREATE TRIGGER audit_no_update BEFORE UPDATE ON controlplane_auditentry"
                " BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END",
                "CREATE TRIGGER audit_no_delete BEFORE DELETE ON controlplane_auditentry"
                " BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END",
            ],
            ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
        ),
    ]
