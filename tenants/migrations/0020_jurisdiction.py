"""The jurisdictions that there are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0019_installer_links")]

    operations = [
        migrations.AlterField(
            model_name="cell",
            name="jurisdiction",
            field=models.CharField(blank=True, choices=[("", "Anywhere"), ("eu", "European Union")], max_length=16),
        ),
    ]
