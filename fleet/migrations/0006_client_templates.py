"""An MSP's templates, their versions, and which client has which."""

import django.db.models.deletion
from django.db import migrations, models

import fleet.client_templates.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0005_reports"),
        ("organizations", "0021_jurisdiction"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientTemplate",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.client_templates.models.new_template_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("settings", models.JSONField(default=dict)),
                ("number", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="fleet.clienttemplate",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ClientTemplateVersion",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.client_templates.models.new_version_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=80)),
                ("parent_name", models.CharField(blank=True, max_length=80)),
                ("settings", models.JSONField(default=dict)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="fleet.clienttemplate"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="TemplateUse",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.client_templates.models.new_use_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("overrides", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="fleet.clienttemplate"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="clienttemplate",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="templates_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="clienttemplate",
            constraint=models.UniqueConstraint(fields=("organization", "name"), name="a_template_has_its_name_alone"),
        ),
        migrations.AddConstraint(
            model_name="clienttemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("parent__isnull", True), models.Q(("parent", models.F("id")), _negated=True), _connector="OR"
                ),
                name="no_template_inherits_from_itself",
            ),
        ),
        migrations.AddIndex(
            model_name="clienttemplateversion",
            index=models.Index(fields=["template", "-created_at", "-id"], name="versions_of_template"),
        ),
        migrations.AddConstraint(
            model_name="clienttemplateversion",
            constraint=models.UniqueConstraint(fields=("template", "number"), name="a_version_has_its_number_alone"),
        ),
        migrations.AddConstraint(
            model_name="templateuse",
            constraint=models.UniqueConstraint(fields=("organization", "client"), name="a_client_has_one_template"),
        ),
        EnableRowSecurity("fleet_clienttemplate"),
        EnableRowSecurity("fleet_clienttemplateversion"),
        EnableRowSecurity("fleet_templateuse"),
    ]
