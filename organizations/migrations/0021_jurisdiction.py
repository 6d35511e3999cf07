"""Where an organization's tenants run and keep their data."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0020_service_accounts")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="jurisdiction",
            field=models.CharField(
                blank=True,
                choices=[("", "Anywhere"), ("eu", "European Union")],
                default="",
                editable=False,
                help_text="Where its tenants run and keep their data; chosen when it was founded",
                max_length=16,
            ),
        ),
    ]
