"""Files of clients that are brought in."""

import django.db.models.deletion
from django.db import migrations, models

import fleet.onboarding.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

DUE = """
  SELECT id::text, organization_id::text FROM fleet_clientimport WHERE look_at <= at ORDER BY look_at LIMIT most
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0006_client_templates"),
        ("organizations", "0021_jurisdiction"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientImport",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.onboarding.models.new_import_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Under way"), ("finished", "Finished")], default="running", max_length=16
                    ),
                ),
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
            name="ClientImportLine",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.onboarding.models.new_line_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="in the file, where the header is line 1")),
                ("wanted", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Not begun"), ("done", "Done"), ("failed", "Failed")],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("client_id", models.CharField(blank=True, max_length=32)),
                ("tenant_id", models.CharField(blank=True, max_length=26)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="fleet.clientimport"
                    ),
                ),
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
        migrations.AddIndex(
            model_name="clientimport",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="imports_of_organization"),
        ),
        migrations.AddIndex(
            model_name="clientimport",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)), fields=["look_at"], name="imports_by_look"
            ),
        ),
        migrations.AddIndex(
            model_name="clientimportline",
            index=models.Index(fields=["batch", "-created_at", "-id"], name="lines_of_import"),
        ),
        migrations.AddConstraint(
            model_name="clientimportline",
            constraint=models.UniqueConstraint(fields=("batch", "number"), name="a_line_has_its_number_alone"),
        ),
        EnableRowSecurity("fleet_clientimport"),
        EnableRowSecurity("fleet_clientimportline"),
        NarrowFunction(
            "client_imports_due",
            DUE,
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
