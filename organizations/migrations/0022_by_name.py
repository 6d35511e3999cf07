"""Lists of organizations by name."""

from django.db import migrations, models

from controlplane.rls_operations import HashRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0021_jurisdiction"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="organization",
            index=models.Index(fields=["name", "id"], name="organizations_by_name"),
        ),
        migrations.AddIndex(
            model_name="organization",
            index=models.Index(fields=["kind", "name", "id"], name="organizations_by_kind_and_name"),
        ),
        HashRowSecurity("organizations_organization", "id"),
        HashRowSecurity("organizations_grant", "client_id", "msp_id"),
    ]
