"""Service accounts, and keys that take the place of others."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0019_external_ids"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="replaces",
            field=models.ForeignKey(
                help_text="The key in whose place this one came",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="successors",
                to="organizations.apikey",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="is_service",
            field=models.BooleanField(default=False, help_text="A program: it has keys, and nobody signs in as it"),
        ),
    ]
