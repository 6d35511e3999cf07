"""
Who is blocked has no row in the access table: row-level security shows them nothing, as the queries do.

The triggers of 0002 anew, with that condition.
"""

from django.db import migrations

from controlplane.rls_operations import NarrowFunction, PostgresSQL, SQLiteSQL

OF_MEMBERSHIP = """
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM organizations_access WHERE actor = 'user:' || OLD.user_id
      AND (via = OLD.id OR via IN (SELECT id FROM organizations_grant WHERE msp_id = OLD.organization_id));
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.blocked_at IS NULL THEN
    INSERT INTO organizations_access (actor, organization_id, via)
      VALUES ('user:' || NEW.user_id, NEW.organization_id, NEW.id);
    INSERT INTO organizations_access (actor, organization_id, via, ends_at)
      SELECT 'user:' || NEW.user_id, client_id, id, ends_at FROM organizations_grant
      WHERE msp_id = NEW.organization_id AND state = 'active';
  END IF;
  RETURN NULL;
END
"""

OF_GRANT = """
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM organizations_access WHERE via = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.state = 'active' THEN
    INSERT INTO organizations_access (actor, organization_id, via, ends_at)
      SELECT 'user:' || user_id, NEW.client_id, NEW.id, NEW.ends_at FROM organizations_membership
      WHERE organization_id = NEW.msp_id AND blocked_at IS NULL;
  END IF;
  RETURN NULL;
END
"""

_ENTER_MEMBERSHIP = """
  INSERT INTO organizations_access (actor, organization_id, via)
    SELECT 'user:' || NEW.user_id, NEW.organization_id, NEW.id WHERE NEW.blocked_at IS NULL;
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'user:' || NEW.user_id, client_id, id, ends_at FROM organizations_grant
    WHERE msp_id = NEW.organization_id AND state = 'active' AND NEW.blocked_at IS NULL;
"""
_LEAVE_MEMBERSHIP = """
  DELETE FROM organizations_access WHERE actor = 'user:' || OLD.user_id
    AND (via = OLD.id OR via IN (SELECT id FROM organizations_grant WHERE msp_id = OLD.organization_id));
"""
_ENTER_GRANT = """
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'user:' || user_id, NEW.client_id, NEW.id, NEW.ends_at FROM organizations_membership
    WHERE organization_id = NEW.msp_id AND NEW.state = 'active' AND blocked_at IS NULL;
"""
_LEAVE_GRANT = "DELETE FROM organizations_access WHERE via = OLD.id;"

SQLITE_TRIGGERS = {
    "organizations_access_membership_insert": ("INSERT ON organizations_membership", _ENTER_MEMBERSHIP),
    "organizations_access_membership_update": (
        "UPDATE ON organizations_membership",
        _LEAVE_MEMBERSHIP + _ENTER_MEMBERSHIP,
    ),
    "organizations_access_membership_delete": ("DELETE ON organizations_membership", _LEAVE_MEMBERSHIP),
    "organizations_access_grant_insert": ("INSERT ON organizations_grant", _ENTER_GRANT),
    "organizations_access_grant_update": ("UPDATE ON organizations_grant", _LEAVE_GRANT + _ENTER_GRANT),
    "organizations_access_grant_delete": ("DELETE ON organizations_grant", _LEAVE_GRANT),
}
BLOCKED_BEFORE = "UPDATE organizations_membership SET blocked_at = blocked_at WHERE blocked_at IS NOT NULL"


def sqlite_triggers_anew() -> SQLiteSQL:
    """Puts the triggers in place, also for a later migration that rebuilds their tables."""
    return SQLiteSQL(
        [
            statement
            for name, (event, body) in SQLITE_TRIGGERS.items()
            for statement in (
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END",
            )
        ]
    )


class Migration(migrations.Migration):
    dependencies = [("organizations", "0008_people_of_trail")]

    operations = [
        NarrowFunction("organizations_access_of_membership", OF_MEMBERSHIP),
        NarrowFunction("organizations_access_of_grant", OF_GRANT),
        sqlite_triggers_anew(),
        PostgresSQL([BLOCKED_BEFORE]),
        SQLiteSQL([BLOCKED_BEFORE]),
    ]
