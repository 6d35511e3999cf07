"""Roles of an organization's own, and columns wide enough to hold their ids."""

from importlib import import_module

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import organizations.models.role
from controlplane.rls_operations import EnableRowSecurity, SQLiteSQL

access = import_module("organizations.migrations.0012_client_roles")


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0013_connection_second_factor"),
    ]

    operations = [
        # SQLite rebuilds the table of memberships, which neither its own triggers nor those that read it survive.
        SQLiteSQL([f"DROP TRIGGER IF EXISTS {name}" for name in access.SQLITE_TRIGGERS]),
        migrations.CreateModel(
            name="CustomRole",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.role.new_role_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("description", models.CharField(blank=True, max_length=300)),
                ("permissions", models.JSONField(default=list, help_text="Sorted names of permissions")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="connection",
            name="connection_default_role_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="invitation",
            name="invitation_role_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="membership",
            name="membership_role_is_known",
        ),
        migrations.AlterField(
            model_name="connection",
            name="default_role",
            field=models.CharField(
                default="viewer", help_text="One of the five, the id of a role of its own, or none", max_length=32
            ),
        ),
        migrations.AlterField(
            model_name="invitation",
            name="role",
            field=models.CharField(
                help_text="One of owner, admin, operator, viewer, billing, or the id of one of the organization's own roles",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="blocked_at",
            field=models.DateTimeField(
                blank=True, help_text="Since when access is taken away, and the membership kept", null=True
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(
                help_text="One of owner, admin, operator, viewer, billing, or the id of one of the organization's own roles",
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("default_role__in", ["owner", "admin", "operator", "viewer", "billing", "none"]),
                    ("default_role__startswith", "role_"),
                    _connector="OR",
                ),
                name="connection_default_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role__in", ["owner", "admin", "operator", "viewer", "billing"]),
                    ("role__startswith", "role_"),
                    _connector="OR",
                ),
                name="invitation_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role__in", ["owner", "admin", "operator", "viewer", "billing"]),
                    ("role__startswith", "role_"),
                    _connector="OR",
                ),
                name="membership_role_is_known",
            ),
        ),
        migrations.AddField(
            model_name="customrole",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="roles", to="organizations.organization"
            ),
        ),
        migrations.AddConstraint(
            model_name="customrole",
            constraint=models.UniqueConstraint(
                models.F("organization"), django.db.models.functions.text.Lower("name"), name="a_role_is_named_once"
            ),
        ),
        EnableRowSecurity("organizations_customrole"),
        SQLiteSQL(
            [
                f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END"
                for name, (event, body) in access.SQLITE_TRIGGERS.items()
            ]
        ),
    ]
