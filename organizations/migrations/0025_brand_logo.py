"""Logos of brands."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0024_brand"),
    ]

    operations = [
        migrations.AddField(
            model_name="brand",
            name="logo",
            field=models.BinaryField(
                blank=True, default=bytes, help_text="PNG of ours, at most 64 KiB; empty for none"
            ),
        ),
        migrations.AddField(
            model_name="brand",
            name="logo_dark",
            field=models.BinaryField(blank=True, default=bytes, help_text="The same for dark pages"),
        ),
        migrations.AddField(
            model_name="brand",
            name="logo_dark_height",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="brand",
            name="logo_dark_width",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="brand",
            name="logo_height",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="brand",
            name="logo_width",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
