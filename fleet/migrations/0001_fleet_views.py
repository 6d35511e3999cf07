"""Views of the fleet."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import fleet.clients.models
from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0022_by_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FleetView",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.clients.models.new_fleet_view_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("shared", models.BooleanField(default=False)),
                ("filters", models.JSONField(blank=True, default=dict)),
                ("sort", models.CharField(blank=True, default="", max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["organization", "-created_at", "-id"], name="fleet_views_of_organization")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("shared", True)),
                        name="shared_view_is_named_once",
                    ),
                    models.UniqueConstraint(
                        models.F("organization"),
                        models.F("owner"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("shared", False)),
                        name="own_view_is_named_once",
                    ),
                ],
            },
        ),
        EnableRowSecurity("fleet_fleetview"),
    ]
