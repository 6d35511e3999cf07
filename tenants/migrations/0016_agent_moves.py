"""Moves of agents to other tenants, and tokens that let in agents of certain names alone."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.agents.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

OPEN = "SELECT DISTINCT organization_id::text FROM tenants_agentmove WHERE closed_at IS NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0019_external_ids"),
        ("tenants", "0015_silent_agents"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrollmenttoken",
            name="names",
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name="AgentMove",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.agents.models.new_move_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("target_organization_id", models.CharField(max_length=32)),
                ("target_tenant_id", models.CharField(max_length=26)),
                ("target_name", models.CharField(max_length=80)),
                ("token_id", models.CharField(max_length=10)),
                ("grace_hours", models.PositiveSmallIntegerField()),
                ("expires_at", models.DateTimeField()),
                ("created_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="agent_moves", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="MovingAgent",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.agents.models.new_item_id,
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
                            ("arrived", "Arrived"),
                            ("moved", "Moved"),
                            ("stayed", "Stayed"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("target_number", models.CharField(blank=True, max_length=16)),
                ("arrived_at", models.DateTimeField(blank=True, null=True)),
                ("moved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "move",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="agents", to="tenants.agentmove"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tenants.agentorder",
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
            model_name="agentmove",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="agent_moves_of_tenant"),
        ),
        migrations.AddIndex(
            model_name="agentmove",
            index=models.Index(
                condition=models.Q(("closed_at", None)), fields=["organization"], name="open_agent_moves"
            ),
        ),
        migrations.AddConstraint(
            model_name="movingagent",
            constraint=models.UniqueConstraint(fields=("move", "number"), name="an_agent_moves_once"),
        ),
        EnableRowSecurity("tenants_agentmove"),
        EnableRowSecurity("tenants_movingagent"),
        NarrowFunction(
            "agent_moves_open",
            OPEN,
            returns="TABLE (organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
