"""What stands or is open outlasts its time, suppressions are of rules alone, and a cursor is compared by when it is due."""

from django.db import migrations

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, NarrowFunction, PostgresSQL

ME = "current_setting('app.actor', true)"
# Only for an actor who sees that organization, and only of providers whose access holds and lets them handle alerts.
IN_FORCE = f"""
  SELECT s.id::text, s.rule_id::text, s.agent_id::text, s.tenant_id::text, s.ends_at
  FROM fleet_suppression s
  WHERE s.ended_at IS NULL AND s.ends_at > now()
    AND (s.organization_id = organization OR s.organization_id IN (
      SELECT g.msp_id FROM organizations_grant g
      WHERE g.client_id = organization AND g.state = 'active' AND (g.ends_at IS NULL OR g.ends_at > now())
        AND (g.review_at IS NULL OR g.review_at > now() - interval '30 days')
        AND g.role_ceiling IN ('admin', 'operator', 'owner')))
    AND ({ME} = 'org:' || organization OR EXISTS (SELECT 1 FROM organizations_access a
      WHERE a.actor = {ME} AND a.organization_id = organization AND (a.ends_at IS NULL OR a.ends_at > now())))
"""  # noqa: S608 - no input
FORGET_ALERTS = """
  DELETE FROM fleet_suppression WHERE ends_at < before;
  WITH old AS (SELECT id FROM fleet_alert WHERE last_at < before AND NOT stands ORDER BY last_at LIMIT most),
    entries AS (DELETE FROM fleet_alertentry WHERE alert_id IN (SELECT id FROM old)),
    gone AS (DELETE FROM fleet_alert WHERE id IN (SELECT id FROM old) RETURNING 1)
  SELECT count(*)::integer FROM gone;
"""
FORGET_NOTICES = """
  WITH old AS (SELECT n.id FROM fleet_notice n WHERE n.created_at < before AND n.next_attempt_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM fleet_alert a WHERE a.id = n.alert_id AND a.state <> 'closed')
      ORDER BY n.created_at LIMIT most),
    gone AS (DELETE FROM fleet_notice WHERE id IN (SELECT id FROM old) RETURNING 1)
  SELECT count(*)::integer FROM gone
"""
FORGETS = {
    "arguments": "before timestamptz, most integer",
    "returns": "TABLE (removed integer)",
    "language": "sql",
    "callers": (APP_ROLE, WORKER_ROLE),
}


class Migration(migrations.Migration):
    dependencies = [("fleet", "0008_report_permissions")]

    operations = [
        # What a function answers can't be replaced.
        PostgresSQL(["DROP FUNCTION alert_suppressions_in_force"]),
        NarrowFunction(
            "alert_suppressions_in_force",
            IN_FORCE,
            arguments="organization text",
            returns="TABLE (id text, rule_id text, agent_id text, tenant_id text, ends_at timestamptz)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
        NarrowFunction("forget_old_alerts", FORGET_ALERTS, **FORGETS),
        NarrowFunction("forget_old_notices", FORGET_NOTICES, **FORGETS),
        migrations.RemoveField(model_name="suppression", name="kind"),
        migrations.RemoveField(model_name="alertcursor", name="marked"),
    ]
