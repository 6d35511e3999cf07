"""Where a token's agents are, which token it replaces, and who joined with it."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.enrollment.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0018_key_made_with"),
        ("tenants", "0009_external_ids"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrollmenttoken",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="replaced_by",
                to="tenants.enrollmenttoken",
            ),
        ),
        migrations.AddField(
            model_name="enrollmenttoken",
            name="site",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.CreateModel(
            name="TokenUse",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.enrollment.models.new_use_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("agent_number", models.CharField(max_length=16)),
                ("agent_name", models.CharField(max_length=128)),
                ("address", models.CharField(blank=True, max_length=64)),
                ("used_at", models.DateTimeField()),
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant"
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="used", to="tenants.enrollmenttoken"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["token", "-created_at", "-id"], name="uses_of_token")],
                "constraints": [
                    models.UniqueConstraint(fields=("token", "agent_number"), name="token_lets_an_agent_in_once")
                ],
            },
        ),
        EnableRowSecurity("tenants_tokenuse"),
    ]
