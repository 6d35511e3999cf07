"""Orders about agents of several tenants at once, and restarts."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.agents.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0025_rollouts"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentBatch",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.agents.models.new_batch_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("arguments", models.JSONField(default=dict)),
                ("refused", models.JSONField(default=list)),
                ("created_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="agentorder",
            name="batch_id",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AlterField(
            model_name="agentorder",
            name="kind",
            field=models.CharField(
                choices=[
                    ("groups", "Set groups"),
                    ("upgrade", "Upgrade"),
                    ("restart", "Restart"),
                    ("remove", "Remove"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="agentorder",
            index=models.Index(
                condition=models.Q(("batch_id", ""), _negated=True), fields=["batch_id"], name="agent_orders_of_batch"
            ),
        ),
        migrations.AddField(
            model_name="agentbatch",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
            ),
        ),
        migrations.AddIndex(
            model_name="agentbatch",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="batches_of_organization"),
        ),
        EnableRowSecurity("tenants_agentbatch"),
    ]
