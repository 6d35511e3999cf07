"""An inventory of agents across tenants: how old each reading is, and when agents came and went."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.enrollment.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0018_key_made_with"),
        ("tenants", "0006_trail_exchange"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectionChange",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.enrollment.models.new_change_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("status", models.CharField(max_length=32)),
                ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="agentreading",
            name="read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="agent",
            index=models.Index(fields=["-created_at", "-id"], name="agents_of_all_tenants"),
        ),
        migrations.AddField(
            model_name="connectionchange",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="connection_changes", to="tenants.agent"
            ),
        ),
        migrations.AddField(
            model_name="connectionchange",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
            ),
        ),
        migrations.AddField(
            model_name="connectionchange",
            name="tenant",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant"),
        ),
        migrations.AddIndex(
            model_name="connectionchange",
            index=models.Index(fields=["agent", "-created_at", "-id"], name="connection_of_agent"),
        ),
        EnableRowSecurity("tenants_connectionchange"),
        migrations.RunSQL(
            "UPDATE tenants_agentreading SET read_at = asked_at WHERE NOT partial", migrations.RunSQL.noop
        ),
    ]
