"""
Fills `organizations_access` by triggers, switches row-level security on, and makes the narrow look-ups.

SQLite drops a table's triggers when a later migration rebuilds the table: such a migration must run `SQLITE_TRIGGERS`
again. `tests/organizations/test_access_table.py` fails if one forgets.
"""

from django.db import migrations

from controlplane.rls_operations import EnableRowSecurity, NarrowFunction, PostgresSQL, SQLiteSQL, visible_organizations

ME = "current_setting('app.actor', true)"

OF_ORGANIZATION = """
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organizations_access (actor, organization_id, via) VALUES ('org:' || NEW.id, NEW.id, 'self');
  ELSE
    DELETE FROM organizations_access WHERE organization_id = OLD.id;
  END IF;
  RETURN NULL;
END
"""

OF_MEMBERSHIP = """
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM organizations_access WHERE actor = 'user:' || OLD.user_id
      AND (via = OLD.id OR via IN (SELECT id FROM organizations_grant WHERE msp_id = OLD.organization_id));
  END IF;
  IF TG_OP <> 'DELETE' THEN
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
      WHERE organization_id = NEW.msp_id;
  END IF;
  RETURN NULL;
END
"""

POSTGRES_TRIGGERS = {
    "organizations_organization": ("organizations_access_of_organization", "INSERT OR DELETE"),
    "organizations_membership": ("organizations_access_of_membership", "INSERT OR UPDATE OR DELETE"),
    "organizations_grant": ("organizations_access_of_grant", "INSERT OR UPDATE OR DELETE"),
}

_ENTER_MEMBERSHIP = """
  INSERT INTO organizations_access (actor, organization_id, via)
    VALUES ('user:' || NEW.user_id, NEW.organization_id, NEW.id);
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'user:' || NEW.user_id, client_id, id, ends_at FROM organizations_grant
    WHERE msp_id = NEW.organization_id AND state = 'active';
"""
_LEAVE_MEMBERSHIP = """
  DELETE FROM organizations_access WHERE actor = 'user:' || OLD.user_id
    AND (via = OLD.id OR via IN (SELECT id FROM organizations_grant WHERE msp_id = OLD.organization_id));
"""
_ENTER_GRANT = """
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'user:' || user_id, NEW.client_id, NEW.id, NEW.ends_at FROM organizations_membership
    WHERE organization_id = NEW.msp_id AND NEW.state = 'active';
"""
_LEAVE_GRANT = "DELETE FROM organizations_access WHERE via = OLD.id;"

SQLITE_TRIGGERS = {
    "organizations_access_organization_insert": (
        "INSERT ON organizations_organization",
        "INSERT INTO organizations_access (actor, organization_id, via) VALUES ('org:' || NEW.id, NEW.id, 'self');",
    ),
    "organizations_access_organization_delete": (
        "DELETE ON organizations_organization",
        "DELETE FROM organizations_access WHERE organization_id = OLD.id;",
    ),
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

BY_ORGANIZATION = [
    "organizations_membership",
    "organizations_invitation",
    "organizations_connection",
    "organizations_seenassertion",
    "organizations_apikey",
]


def only_reading(table, name, condition):
    """A further policy under which rows may be seen but not written."""
    return PostgresSQL(
        [f"CREATE POLICY {name} ON {table} FOR SELECT TO app, worker USING ({condition})"],
        [f"DROP POLICY {name} ON {table}"],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_initial"),
        ("controlplane", "0002_security"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        NarrowFunction("organizations_access_of_organization", OF_ORGANIZATION),
        NarrowFunction("organizations_access_of_membership", OF_MEMBERSHIP),
        NarrowFunction("organizations_access_of_grant", OF_GRANT),
        PostgresSQL(
            [
                f"CREATE TRIGGER fill_access AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
                for table, (function, events) in POSTGRES_TRIGGERS.items()
            ],
            [f"DROP TRIGGER fill_access ON {table}" for table in POSTGRES_TRIGGERS],
        ),
        SQLiteSQL(
            [
                f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END"
                for name, (event, body) in SQLITE_TRIGGERS.items()
            ],
            [f"DROP TRIGGER {name}" for name in SQLITE_TRIGGERS],
        ),
        EnableRowSecurity("organizations_organization", organization_column="id"),
        only_reading(
            "organizations_organization",
            "msp_of_mine",
            "id IN (SELECT msp_id FROM organizations_grant WHERE state = 'active')",
        ),
        *[EnableRowSecurity(table) for table in BY_ORGANIZATION],
        EnableRowSecurity(
            "organizations_grant",
            using=f"{visible_organizations('organizations_grant.client_id')}"
            f" OR {visible_organizations('organizations_grant.msp_id')}",
        ),
        # Only from the client's side can a grant come about: an MSP's member must not write themselves one.
        PostgresSQL(
            [
                "ALTER POLICY by_actor ON organizations_grant WITH CHECK"
                f" ({visible_organizations('organizations_grant.client_id')})"
            ]
        ),
        EnableRowSecurity("organizations_user", using=f"'user:' || organizations_user.id = {ME}"),
        only_reading("organizations_user", "fellow_member", "id IN (SELECT user_id FROM organizations_membership)"),
        EnableRowSecurity(
            "socialaccount_socialaccount", using=f"'user:' || socialaccount_socialaccount.user_id = {ME}"
        ),
        NarrowFunction(
            "organizations_organization_of_connection",
            "SELECT c.organization_id::text FROM organizations_connection c WHERE c.id = wanted",
            arguments="wanted text",
            returns="TABLE (organization_id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_person_of_identity",
            "SELECT s.user_id::text FROM socialaccount_socialaccount s"
            " WHERE s.provider = wanted_provider AND s.uid = wanted_uid",
            arguments="wanted_provider text, wanted_uid text",
            returns="TABLE (user_id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_staff_of_address",
            "SELECT u.id::text FROM organizations_user u"
            " WHERE lower(u.email) = lower(address) AND u.email_verified AND u.is_staff AND u.is_active",
            arguments="address text",
            returns="TABLE (id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_my_invitations",
            "SELECT i.id::text, i.organization_id::text, o.name::text, i.role::text"
            " FROM organizations_invitation i JOIN organizations_organization o ON o.id = i.organization_id"
            " JOIN organizations_user u ON 'user:' || u.id = current_setting('app.actor', true) AND u.email_verified"
            " AND lower(u.email) = lower(i.email) WHERE i.expires_at > now() AND o.state = 'active' ORDER BY i.id",
            returns="TABLE (id text, organization_id text, organization_name text, role text)",
            language="sql",
            callers=["app"],
        ),
    ]
