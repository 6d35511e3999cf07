"""Connections that wait for an owner."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0014_custom_roles"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="state",
            field=models.CharField(
                choices=[("draft", "Never switched on"), ("enabled", "Enabled"), ("disabled", "Disabled")],
                default="enabled",
                max_length=16,
            ),
        ),
    ]
