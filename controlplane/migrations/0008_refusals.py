"""Counts refusals that are repeated, so that they become one entry of the audit trail."""

from django.db import migrations, models

from controlplane.rls_operations import EnableRowSecurity, NarrowFunction


class Migration(migrations.Migration):
    dependencies = [
        ("controlplane", "0007_audit_checks"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusalCount",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("organization_id", models.TextField()),
                ("action", models.TextField()),
                ("target", models.TextField()),
                ("data", models.JSONField()),
                ("topic", models.TextField(blank=True, default="")),
                ("repeats", models.BigIntegerField(default=0)),
                ("began_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["ends_at"], name="refusals_by_end")],
            },
        ),
        EnableRowSecurity("controlplane_refusalcount"),
        NarrowFunction(
            "controlplane_refusals_due",
            "SELECT key, organization_id FROM controlplane_refusalcount WHERE ends_at <= at ORDER BY ends_at LIMIT wanted",
            arguments="at timestamptz, wanted integer",
            returns="TABLE (key text, organization_id text)",
            language="sql",
            callers=("app", "worker"),
        ),
    ]
