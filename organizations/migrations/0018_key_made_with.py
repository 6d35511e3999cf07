"""By which key another was made."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0017_who_blocked")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="made_with",
            field=models.ForeignKey(
                help_text="The key that made this one; it takes this one with it",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="made",
                to="organizations.apikey",
            ),
        ),
    ]
