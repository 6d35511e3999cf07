"""What is exported of tenants."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.protection.exports.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0023_content_bundles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.protection.exports.models.new_export_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("files", models.PositiveIntegerField(default=0)),
                ("records", models.PositiveBigIntegerField(default=0)),
                ("bytes", models.PositiveBigIntegerField(default=0)),
                ("left_out", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="export", to="tenants.operation"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="exports", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="exports_of_tenant")],
            },
        ),
        EnableRowSecurity("tenants_export"),
    ]
