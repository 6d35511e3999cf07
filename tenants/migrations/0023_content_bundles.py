"""What was put together for tenants of their content, to be published and to return to."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.content.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("tenants", "0022_content"), ("organizations", "0021_jurisdiction")]

    operations = [
        migrations.CreateModel(
            name="ContentBundle",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.content.models.new_bundle_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("files", models.JSONField(default=list)),
                ("texts", models.JSONField(default=dict)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="content_bundles", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="content_bundles_of_tenant")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "digest"), name="a_tenant_has_a_bundle_once")
                ],
            },
        ),
        EnableRowSecurity("tenants_contentbundle"),
    ]
