"""The ring of a tenant, and roll-outs that go by it."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.rollouts.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

DUE = """
  SELECT id::text, organization_id::text FROM tenants_rollout WHERE look_at <= at ORDER BY look_at LIMIT most
"""


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0024_exports"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="ring",
            field=models.CharField(
                choices=[("canary", "Canary"), ("early", "Early"), ("general", "General")],
                default="general",
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Rollout",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.rollouts.models.new_rollout_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                ("arguments", models.JSONField(default=dict)),
                (
                    "only",
                    models.JSONField(
                        blank=True, default=dict, help_text="to which organizations and tenants it was narrowed"
                    ),
                ),
                ("when", models.CharField(max_length=16)),
                ("soak_hours", models.PositiveSmallIntegerField()),
                ("failures_allowed", models.PositiveSmallIntegerField()),
                ("failures_accepted", models.PositiveSmallIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("held", "Held"),
                            ("finished", "Finished"),
                            ("ended", "Ended"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                (
                    "ring",
                    models.CharField(
                        choices=[("canary", "Canary"), ("early", "Early"), ("general", "General")], max_length=16
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("look_at", models.DateTimeField(blank=True, null=True)),
                ("created_by", models.CharField(max_length=64)),
                ("acts_as", models.CharField(max_length=64)),
                ("acts_with", models.CharField(blank=True, max_length=64)),
                ("acted_from", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="RolloutTarget",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.rollouts.models.new_target_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "ring",
                    models.CharField(
                        choices=[("canary", "Canary"), ("early", "Early"), ("general", "General")], max_length=16
                    ),
                ),
                ("tenant_id", models.CharField(max_length=26)),
                ("tenant_name", models.CharField(max_length=80)),
                ("tenant_organization_id", models.CharField(max_length=32)),
                ("tenant_organization_name", models.CharField(max_length=120)),
                ("grant_id", models.CharField(blank=True, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Not begun"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("operation_id", models.CharField(blank=True, max_length=64)),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "rollout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="targets", to="tenants.rollout"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="rollouts_of_organization"),
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)), fields=["look_at"], name="rollouts_by_look"
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["running", "held"])),
                fields=("organization", "kind"),
                name="one_open_rollout_of_a_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="rollouttarget",
            index=models.Index(fields=["rollout", "-created_at", "-id"], name="targets_of_rollout"),
        ),
        migrations.AddConstraint(
            model_name="rollouttarget",
            constraint=models.UniqueConstraint(fields=("rollout", "tenant_id"), name="a_tenant_is_rolled_to_once"),
        ),
        EnableRowSecurity("tenants_rollout"),
        EnableRowSecurity("tenants_rollouttarget"),
        NarrowFunction(
            "rollouts_due",
            DUE,
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
