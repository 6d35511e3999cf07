"""Mails on their way: encrypted rows that belong to an organization or to the platform."""

import django.utils.timezone
from django.db import migrations, models

import controlplane.crypto
import controlplane.models
from controlplane.rls_operations import EnableRowSecurity, NarrowFunction


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0003_what_answers_needed")]

    operations = [
        migrations.CreateModel(
            name="Mail",
            fields=[
                (
                    "id",
                    models.TextField(default=controlplane.models.new_mail_id, primary_key=True, serialize=False),
                ),
                ("organization_id", models.TextField()),
                ("to", models.TextField()),
                ("template", models.TextField()),
                ("content", controlplane.crypto.EncryptedTextField(blank=True, default="")),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("refused", "Refused by the recipient's server"),
                            ("late", "Not sent in time"),
                        ],
                        default="waiting",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="mail_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(state="waiting", ended_at__isnull=True)
                        | (~models.Q(state="waiting") & models.Q(ended_at__isnull=False, content="")),
                        name="mail_that_ended_is_empty",
                    )
                ],
            },
        ),
        EnableRowSecurity("controlplane_mail"),
        NarrowFunction(
            "forget_old_mails",
            "DELETE FROM controlplane_mail WHERE ended_at < before",
            arguments="before timestamptz",
            returns="void",
            language="sql",
            callers=("app", "worker"),
        ),
    ]
