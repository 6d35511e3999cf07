"""What MSPs call their clients."""

import django.db.models.deletion
from django.db import migrations, models

from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0018_key_made_with"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.CharField(max_length=128)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="client_names",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "external_id"), name="external_id_names_one_client"
                    ),
                    models.UniqueConstraint(fields=("organization", "client"), name="client_has_one_external_id"),
                ],
            },
        ),
        EnableRowSecurity("organizations_clientname"),
    ]
