"""Requests of MSPs for access; reviews of grants; who manages whom, over any way."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import organizations.models.access_request
from controlplane.rls_operations import EnableRowSecurity, NarrowFunction
from organizations.permissions import Role

# The lock lets grants of the whole platform come about one after another: two at once could close a cycle together.
MANAGES = """
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('organizations.grants'));
  RETURN QUERY
    WITH RECURSIVE reached (id) AS (
      SELECT above UNION
      SELECT g.client_id::text FROM organizations_grant g JOIN reached r ON g.msp_id = r.id WHERE g.state = 'active'
    )
    SELECT EXISTS (SELECT 1 FROM reached WHERE id = below);
END
"""

DUE = """
  SELECT g.id::text, g.client_id::text FROM organizations_grant g WHERE g.state = 'active' AND (
    g.ends_at <= at OR g.review_at <= at - interval '30 days' OR (g.review_at <= at AND g.review_told_at IS NULL)
  ) ORDER BY g.id LIMIT 500
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0010_invitations")]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="review_told_at",
            field=models.DateTimeField(blank=True, help_text="When both sides heard that it is due", null=True),
        ),
        migrations.AlterField(
            model_name="grant",
            name="state",
            field=models.CharField(
                choices=[("active", "Active"), ("withdrawn", "Withdrawn"), ("ended", "Ended")],
                default="active",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="withdrawn_at",
            field=models.DateTimeField(blank=True, help_text="When it was withdrawn or ended", null=True),
        ),
        migrations.CreateModel(
            name="AccessRequest",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.access_request.new_access_request_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("secret_digest", models.CharField(max_length=64)),
                ("role_ceiling", models.CharField(choices=Role.choices, max_length=16)),
                ("days", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="requested",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "grant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="organizations.grant",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access_requests",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["organization", "-created_at", "-id"], name="access_requests_newest_first")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(("state", "requested"), models.Q(("email", ""), _negated=True)),
                        name="one_open_access_request_per_email",
                    )
                ],
            },
        ),
        EnableRowSecurity("organizations_accessrequest"),
        NarrowFunction(
            "organizations_manages",
            MANAGES,
            arguments="above text, below text",
            returns="TABLE (found boolean)",
            callers=["app", "worker"],
        ),
        NarrowFunction(
            "organizations_grants_due",
            DUE,
            arguments="at timestamptz",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=["app", "worker"],
        ),
    ]
