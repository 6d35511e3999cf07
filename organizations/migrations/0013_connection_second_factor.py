"""Which values a provider's answer must say for its sign-in to count as a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0012_client_roles")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="second_factor_values",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="It counts only where the answer says one of these; empty: always",
            ),
        ),
    ]
