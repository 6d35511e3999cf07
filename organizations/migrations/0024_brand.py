"""Brands of organizations."""

import django.db.models.deletion
from django.db import migrations, models

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, PostgresSQL


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0023_mail_senders"),
    ]

    operations = [
        migrations.CreateModel(
            name="Brand",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="brand",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("accent", models.CharField(help_text="#rrggbb, on light grounds", max_length=7)),
                ("accent_dark", models.CharField(help_text="#rrggbb, on dark grounds", max_length=7)),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        EnableRowSecurity("organizations_brand"),
        # A client's pages carry its MSP's brand: whoever sees the grant, on which row-level security stands too, reads it.
        PostgresSQL(
            [
                f"CREATE POLICY by_grant ON organizations_brand FOR SELECT TO {APP_ROLE}, {WORKER_ROLE} USING (EXISTS"  # noqa: S608 - no input
                " (SELECT 1 FROM organizations_grant WHERE msp_id = organizations_brand.organization_id"
                " AND state = 'active'))"
            ],
            ["DROP POLICY by_grant ON organizations_brand"],
        ),
    ]
