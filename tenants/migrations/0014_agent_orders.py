"""Orders about agents, and what became of them for each."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import tenants.agents.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0018_key_made_with"),
        ("tenants", "0013_windows"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentOrder",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.agents.models.new_order_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("groups", "Set groups"), ("upgrade", "Upgrade"), ("remove", "Remove")], max_length=16
                    ),
                ),
                ("arguments", models.JSONField(default=dict)),
                ("created_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("edge_error", models.JSONField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="agent_orders", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="AgentResult",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.agents.models.new_result_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=128)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("working", "Working"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="results",
                        to="tenants.agent",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="results", to="tenants.agentorder"
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.AddIndex(
            model_name="agentorder",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="agent_orders_of_tenant"),
        ),
        migrations.AddConstraint(
            model_name="agentresult",
            constraint=models.UniqueConstraint(fields=("order", "number"), name="one_result_an_agent"),
        ),
        EnableRowSecurity("tenants_agentorder"),
        EnableRowSecurity("tenants_agentresult"),
    ]
