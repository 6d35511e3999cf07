"""
Sets of clients, emergencies and receipts of who left an MSP; the access table follows sets and reviews.

The triggers of membership and grant anew: a row is there for whom the member reaches, and ends with the grant. SQLite
drops a table's triggers when a later migration rebuilds the table: such a one must run `SQLITE_TRIGGERS` again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import organizations.models.client_role
import organizations.models.emergency_access
import organizations.models.offboarding
from controlplane.rls_operations import (
    EnableRowSecurity,
    NarrowFunction,
    PostgresSQL,
    SQLiteSQL,
    visible_organizations,
)

# A standing grant lapses where nobody reviews it; `Grant.lapses_at` says the same.
LAPSES = "LEAST(g.ends_at, g.review_at + interval '30 days')"
LAPSES_ON_SQLITE = (
    "min(coalesce(g.ends_at, '9999-12-31 00:00:00'),"
    " coalesce(strftime('%Y-%m-%d %H:%M:%f', g.review_at, '+30 days'), '9999-12-31 00:00:00'))"
)
IN_SET = "jsonb_exists(s.clients, g.client_id::text)"
IN_SET_ON_SQLITE = "EXISTS (SELECT 1 FROM json_each(s.clients) j WHERE j.value = g.client_id)"


def entering(which, *, lapses, in_set):
    """Adds the rows by grants: each member of the MSP who is not blocked, in each client that they reach."""
    return f"""
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'user:' || m.user_id, g.client_id, g.id, {lapses}
    FROM organizations_membership m JOIN organizations_grant g ON g.msp_id = m.organization_id
    WHERE {which} AND g.state = 'active' AND m.blocked_at IS NULL AND (
      m.role = 'owner' OR NOT EXISTS (SELECT 1 FROM organizations_clientrole s WHERE s.membership_id = m.id) OR EXISTS (
        SELECT 1 FROM organizations_clientrole s WHERE s.membership_id = m.id
          AND (s.reach = 'all' OR ({in_set}) = (s.reach = 'only'))
      )
    );
"""  # noqa: S608 - no input


def leaving(membership):
    """Takes away a member's rows by grants."""
    return f"""
  DELETE FROM organizations_access
    WHERE actor = 'user:' || (SELECT user_id FROM organizations_membership WHERE id = {membership})
    AND via IN (
      SELECT g.id FROM organizations_grant g JOIN organizations_membership m ON m.organization_id = g.msp_id
      WHERE m.id = {membership}
    );
"""  # noqa: S608 - no input


ENTER_MEMBER = """
  INSERT INTO organizations_access (actor, organization_id, via)
    SELECT 'user:' || NEW.user_id, NEW.organization_id, NEW.id WHERE NEW.blocked_at IS NULL;
"""
LEAVE_MEMBER = """
  DELETE FROM organizations_access WHERE actor = 'user:' || OLD.user_id
    AND (via = OLD.id OR via IN (SELECT id FROM organizations_grant WHERE msp_id = OLD.organization_id));
"""
LEAVE_GRANT = """
  DELETE FROM organizations_access WHERE via = OLD.id;
"""
POSTGRES = {"lapses": LAPSES, "in_set": IN_SET}
SQLITE = {"lapses": LAPSES_ON_SQLITE, "in_set": IN_SET_ON_SQLITE}


def trigger(leave, enter):
    """The body of a trigger function of Postgres for all three events."""
    return f"""
BEGIN
  IF TG_OP <> 'INSERT' THEN {leave} END IF;
  IF TG_OP <> 'DELETE' THEN {enter} END IF;
  RETURN NULL;
END
"""


def anew(which, **database):
    """A member's rows by grants, taken away and added again."""
    return leaving(which) + entering(f"m.id = {which}", **database)


def sqlite_triggers(name, table, leave, enter):
    """The three triggers of SQLite that do what one of Postgres does."""
    return {
        f"organizations_access_{name}_insert": (f"INSERT ON {table}", enter),
        f"organizations_access_{name}_update": (f"UPDATE ON {table}", leave + enter),
        f"organizations_access_{name}_delete": (f"DELETE ON {table}", leave),
    }


SQLITE_TRIGGERS = {
    **sqlite_triggers(
        "membership",
        "organizations_membership",
        LEAVE_MEMBER,
        ENTER_MEMBER + entering("m.id = NEW.id", **SQLITE),
    ),
    **sqlite_triggers("grant", "organizations_grant", LEAVE_GRANT, entering("g.id = NEW.id", **SQLITE)),
    **sqlite_triggers(
        "clientrole",
        "organizations_clientrole",
        anew("OLD.membership_id", **SQLITE),
        anew("NEW.membership_id", **SQLITE),
    ),
}
TOUCH = "UPDATE organizations_grant SET state = state"


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0011_access_requests"),
    ]

    operations = [
        # SQLite rebuilds the grants' table for the new column, which triggers of other tables name.
        SQLiteSQL([f"DROP TRIGGER IF EXISTS {name}" for name in SQLITE_TRIGGERS]),
        migrations.AddField(
            model_name="grant",
            name="emergency_ceiling",
            field=models.CharField(
                blank=True,
                choices=[
                    ("owner", "Owner"),
                    ("admin", "Admin"),
                    ("operator", "Operator"),
                    ("viewer", "Viewer"),
                    ("billing", "Billing"),
                ],
                default="",
                help_text="The ceiling in an emergency; empty allows none",
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="ClientRole",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.client_role.new_client_role_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "reach",
                    models.CharField(
                        choices=[("all", "All clients"), ("only", "Only these"), ("except", "All but these")],
                        max_length=8,
                    ),
                ),
                ("clients", models.JSONField(default=list, help_text="Ids of clients; empty for all")),
                ("role", models.CharField(max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "membership",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="client_roles",
                        to="organizations.membership",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reach__in", ["all", "only", "except"])), name="reach_is_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EmergencyAccess",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.emergency_access.new_emergency_access_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="emergencies",
                        to="organizations.grant",
                    ),
                ),
                (
                    "msp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["user", "ends_at"], name="emergencies_of_person")],
            },
        ),
        migrations.CreateModel(
            name="Offboarding",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.offboarding.new_offboarding_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=254)),
                ("email", models.EmailField(max_length=254)),
                ("by_user_id", models.CharField(blank=True, max_length=32)),
                ("by_name", models.CharField(max_length=254)),
                ("sessions", models.PositiveIntegerField()),
                ("clients", models.JSONField(default=list, help_text="Ids of the clients that they reached")),
                ("key_ids", models.JSONField(default=list, help_text="Ids of the API keys that ended")),
                ("closed", models.JSONField(default=list)),
                ("kept", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["organization", "-created_at", "-id"], name="offboardings_newest_first")
                ],
            },
        ),
        EnableRowSecurity("organizations_clientrole"),
        EnableRowSecurity("organizations_offboarding"),
        EnableRowSecurity(
            "organizations_emergencyaccess",
            using=f"{visible_organizations('organizations_emergencyaccess.client_id')}"
            f" OR {visible_organizations('organizations_emergencyaccess.msp_id')}",
        ),
        NarrowFunction(
            "organizations_access_of_membership",
            trigger(LEAVE_MEMBER, ENTER_MEMBER + entering("m.id = NEW.id", **POSTGRES)),
        ),
        NarrowFunction("organizations_access_of_grant", trigger(LEAVE_GRANT, entering("g.id = NEW.id", **POSTGRES))),
        NarrowFunction(
            "organizations_access_of_client_role",
            trigger(anew("OLD.membership_id", **POSTGRES), anew("NEW.membership_id", **POSTGRES)),
        ),
        PostgresSQL(
            [
                "CREATE TRIGGER fill_access AFTER INSERT OR UPDATE OR DELETE ON organizations_clientrole"
                " FOR EACH ROW EXECUTE FUNCTION organizations_access_of_client_role()"
            ],
            ["DROP TRIGGER fill_access ON organizations_clientrole"],
        ),
        SQLiteSQL(
            [
                f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END"
                for name, (event, body) in SQLITE_TRIGGERS.items()
            ]
        ),
        # Rows of grants that were there before end with them too: the triggers run for each.
        PostgresSQL([TOUCH]),
        SQLiteSQL([TOUCH]),
    ]
