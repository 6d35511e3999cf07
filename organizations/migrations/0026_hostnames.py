"""Host names of organizations' own, for their public pages."""

import django.db.models.deletion
from django.db import migrations, models

import organizations.domain_names.claim
import organizations.hostnames.models
from controlplane.rls_operations import EnableRowSecurity, NarrowFunction


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0025_brand_logo"),
    ]

    operations = [
        migrations.CreateModel(
            name="Hostname",
            fields=[
                ("name", models.CharField(help_text="Lower case, in its ASCII form", max_length=253)),
                (
                    "proof",
                    models.CharField(
                        default=organizations.domain_names.claim.new_proof, editable=False, max_length=64, unique=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for DNS"),
                            ("proven", "Proven"),
                            ("missing", "Record is gone"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("proven_at", models.DateTimeField(blank=True, null=True)),
                ("missing_since", models.DateTimeField(blank=True, null=True)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("looked_words", models.CharField(blank=True, help_text="What the last look found", max_length=200)),
                ("next_look_at", models.DateTimeField(blank=True, null=True)),
                (
                    "id",
                    models.CharField(
                        default=organizations.hostnames.models.new_hostname_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hostnames",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "indexes": [models.Index(fields=["next_look_at"], name="hostname_next_look")],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "name"), name="a_hostname_is_claimed_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("proven", "missing"))),
                        fields=("name",),
                        name="one_organization_per_proven_hostname",
                    ),
                ],
            },
        ),
        EnableRowSecurity("organizations_hostname"),
        NarrowFunction(
            "organizations_owner_of_hostname",
            "SELECT h.organization_id::text FROM organizations_hostname h"
            " JOIN organizations_organization o ON o.id = h.organization_id AND o.state = 'active'"
            " WHERE h.name = wanted AND h.state IN ('proven', 'missing')",
            arguments="wanted text",
            returns="TABLE (organization_id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_hostnames_due",
            "SELECT h.id::text, h.organization_id::text FROM organizations_hostname h"
            " WHERE h.next_look_at <= at ORDER BY h.next_look_at LIMIT most",
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=["worker", "app"],
        ),
    ]
