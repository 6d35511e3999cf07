"""Staff grants: rows of the operator's, and what they let the actor ``staff:<user>`` see.

Only Postgres has the triggers: SQLite, which has no row-level security, asks for the grant itself.
"""

from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion

import organizations.models.staff
from controlplane.rls_operations import PLATFORM, EnableRowSecurity, NarrowFunction, PostgresSQL

ME = "current_setting('app.actor', true)"

OF_STAFF = """
BEGIN
  DELETE FROM organizations_access WHERE actor LIKE 'staff:%' AND ends_at < now();
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM organizations_access WHERE via = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO organizations_access (actor, organization_id, via, ends_at)
      SELECT 'staff:' || NEW.user_id, id, NEW.id, NEW.ends_at FROM organizations_organization;
  END IF;
  RETURN NULL;
END
"""

OF_NEW_ORGANIZATION = """
BEGIN
  INSERT INTO organizations_access (actor, organization_id, via, ends_at)
    SELECT 'staff:' || user_id, NEW.id, id, ends_at FROM organizations_staffgrant WHERE ends_at > now();
  RETURN NULL;
END
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0003_retention")]

    operations = [
        migrations.CreateModel(
            name="StaffGrant",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.staff.new_staff_grant_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ends_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=deletion.CASCADE, related_name="staff_grants", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        EnableRowSecurity("organizations_staffgrant", using=f"{ME} = '{PLATFORM}'"),
        PostgresSQL(
            [
                "CREATE POLICY own ON organizations_staffgrant FOR SELECT TO app"
                f" USING ({ME} IN ('user:' || user_id, 'staff:' || user_id))"
            ],
            ["DROP POLICY own ON organizations_staffgrant"],
        ),
        NarrowFunction("organizations_access_of_staff", OF_STAFF),
        NarrowFunction("organizations_access_of_staff_anew", OF_NEW_ORGANIZATION),
        PostgresSQL(
            [
                "CREATE TRIGGER fill_access AFTER INSERT OR UPDATE OR DELETE ON organizations_staffgrant"
                " FOR EACH ROW EXECUTE FUNCTION organizations_access_of_staff()",
                "CREATE TRIGGER fill_staff_access AFTER INSERT ON organizations_organization"
                " FOR EACH ROW EXECUTE FUNCTION organizations_access_of_staff_anew()",
            ],
            [
                "DROP TRIGGER fill_staff_access ON organizations_organization",
                "DROP TRIGGER fill_access ON organizations_staffgrant",
            ],
        ),
    ]
