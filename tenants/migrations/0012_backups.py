"""Backups as the edge tells them; what an operation was asked for; where a clone's data come from."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import tenants.protection.backups.models
from controlplane.rls_operations import EnableRowSecurity


def read_all_anew(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Backups that edges hold already are mirrored by the resync that a cursor without an epoch begins with."""
    apps.get_model("tenants", "Cell").objects.using(schema_editor.connection.alias).update(feed_epoch="")


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0018_key_made_with"),
        ("tenants", "0011_recycle_bin"),
    ]

    operations = [
        migrations.AddField("operation", "arguments", models.JSONField(blank=True, default=dict)),
        migrations.AddField("tenant", "copy_from", models.JSONField(blank=True, null=True)),
        migrations.CreateModel(
            name="Backup",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.protection.backups.models.new_backup_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("on-demand", "On demand"),
                            ("scheduled", "Daily"),
                            ("before-change", "Before a change"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Being made"), ("failed", "Failed"), ("succeeded", "Made")],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("parts", models.JSONField(default=list)),
                ("error", models.JSONField(blank=True, null=True)),
                ("requested_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="backups", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="backups_of_tenant")],
            },
        ),
        EnableRowSecurity("tenants_backup"),
        migrations.RunPython(read_all_anew, migrations.RunPython.noop),
    ]
