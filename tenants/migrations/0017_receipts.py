"""What the edge signed about tenants."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.protection.receipts.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("tenants", "0016_agent_moves")]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.protection.receipts.models.new_receipt_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("erasure", "Erasure certificate"), ("isolation", "Isolation receipt")], max_length=16
                    ),
                ),
                ("receipt", models.TextField(blank=True)),
                ("key", models.JSONField(blank=True, null=True)),
                ("statement", models.JSONField(blank=True, null=True)),
                ("error", models.JSONField(blank=True, null=True)),
                ("requested_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="receipts", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="receipts_of_tenant")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "erasure")), fields=("tenant",), name="erasure_is_certified_once"
                    )
                ],
            },
        ),
        EnableRowSecurity("tenants_receipt"),
    ]
