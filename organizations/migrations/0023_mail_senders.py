"""In whose name organizations' mails go out."""

import django.db.models.deletion
from django.db import migrations, models

from controlplane.rls_operations import EnableRowSecurity, NarrowFunction


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0022_by_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="MailSender",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="mail_sender",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(blank=True, help_text="Empty: the platform's", max_length=64)),
                (
                    "reply_to",
                    models.CharField(
                        blank=True, help_text="In a domain that the organization has proven", max_length=254
                    ),
                ),
                ("address", models.CharField(blank=True, help_text="The same; empty: the platform's", max_length=254)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unchecked", "Waiting for DNS"),
                            ("allowed", "May be sent from"),
                            ("missing", "SPF does not allow it"),
                        ],
                        default="unchecked",
                        max_length=16,
                    ),
                ),
                (
                    "allowed_at",
                    models.DateTimeField(blank=True, help_text="When DNS last said that we may send for it", null=True),
                ),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("looked_words", models.CharField(blank=True, help_text="What the last look found", max_length=200)),
                ("next_look_at", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "indexes": [models.Index(fields=["next_look_at"], name="mail_sender_next_look")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("address", ""), _negated=True),
                            models.Q(("next_look_at", None), ("state", "unchecked")),
                            _connector="OR",
                        ),
                        name="a_sender_without_address_is_not_looked_at",
                    )
                ],
            },
        ),
        EnableRowSecurity("organizations_mailsender"),
        NarrowFunction(
            "organizations_mail_senders_due",
            "SELECT s.organization_id::text FROM organizations_mailsender s"
            " WHERE s.next_look_at <= at ORDER BY s.next_look_at LIMIT most",
            arguments="at timestamptz, most integer",
            returns="TABLE (organization_id text)",
            language="sql",
            callers=["worker", "app"],
        ),
    ]
