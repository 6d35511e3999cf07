"""Where an organization's tenants run and keep their data."""

from django.db import migrations, models

from controlplane.rls_operations import SQLiteSQL

# SQLite rebuilds the organizations' table for the new column, and leaves its triggers behind.
TRIGGERS = {
    "organizations_access_organization_insert": (
        "INSERT ON organizations_organization",
        "INSERT INTO organizations_access (actor, organization_id, via) VALUES ('org:' || NEW.id, NEW.id, 'self');",
    ),
    "organizations_access_organization_delete": (
        "DELETE ON organizations_organization",
        "DELETE FROM organizations_access WHERE organization_id = OLD.id;",
    ),
}


class Migration(migrations.Migration):
    dependencies = [("organizations", "0020_service_accounts")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="jurisdiction",
            field=models.CharField(
                blank=True,
                choices=[("", "Anywhere"), ("eu", "European Union")],
                default="",
                editable=False,
                help_text="Where its tenants run and keep their data; chosen when it was founded",
                max_length=16,
            ),
        ),
        SQLiteSQL([f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS]),
        SQLiteSQL(
            [
                f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END"
                for name, (event, body) in TRIGGERS.items()
            ]
        ),
    ]
