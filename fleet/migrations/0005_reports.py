"""Reports: what is planned, what was issued, and who may read it without an account."""

import django.db.models.deletion
from django.db import migrations, models

import fleet.reports.models
from controlplane.rls_operations import (
    APP_ROLE,
    WORKER_ROLE,
    EnableRowSecurity,
    NarrowFunction,
    visible_organizations,
)

DUE = """
  SELECT id::text, organization_id::text FROM fleet_reportplan WHERE due_at <= at ORDER BY due_at LIMIT most
"""
# Whoever sees the organization, and the one link's own actor, which its token names.
OF_LINK = (
    f"{visible_organizations('fleet_reportlink.organization_id')}"
    " OR 'reportlink:' || fleet_reportlink.id = current_setting('app.actor', true)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0004_routing"),
        ("organizations", "0021_jurisdiction"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReportPlan",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.reports.models.new_plan_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("clients", models.JSONField(default=list)),
                ("parts", models.JSONField(default=list)),
                (
                    "every",
                    models.CharField(choices=[("weekly", "Every week"), ("monthly", "Every month")], max_length=16),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("members", models.JSONField(default=list)),
                ("addresses", models.JSONField(default=list)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="why the last one could not be made", max_length=300),
                ),
                ("acts_as", models.CharField(max_length=64)),
                ("acts_with", models.CharField(blank=True, max_length=64)),
                ("acted_from", models.CharField(blank=True, max_length=64)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
            name="Report",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.reports.models.new_report_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("time_zone", models.CharField(max_length=64)),
                ("figures", models.JSONField()),
                ("issued_as", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="reports",
                        to="fleet.reportplan",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ReportAddress",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.reports.models.new_address_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.CharField(max_length=254)),
                ("confirmed_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "email"), name="report_address_is_listed_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportLink",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.reports.models.new_link_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("sent_to", models.CharField(blank=True, max_length=254)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("downloads", models.PositiveIntegerField(default=0)),
                ("downloaded_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="links", to="fleet.report"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["report", "-created_at", "-id"], name="links_of_report")],
            },
        ),
        migrations.AddIndex(
            model_name="reportplan",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="report_plans_of_organization"),
        ),
        migrations.AddIndex(
            model_name="reportplan",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="report_plans_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportplan",
            constraint=models.UniqueConstraint(fields=("organization", "name"), name="report_plan_name_is_taken_once"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="reports_of_organization"),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(fields=("plan", "begins_at", "ends_at"), name="one_report_of_a_span"),
        ),
        EnableRowSecurity("fleet_reportplan"),
        EnableRowSecurity("fleet_report"),
        EnableRowSecurity("fleet_reportaddress"),
        EnableRowSecurity("fleet_reportlink", using=OF_LINK),
        NarrowFunction(
            "report_plans_due",
            DUE,
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
