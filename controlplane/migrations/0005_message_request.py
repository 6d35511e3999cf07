"""Keeps with a fact the request in which it happened, so that what other systems are told of it names that request too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0004_mail")]

    operations = [
        migrations.AddField(model_name="message", name="request", field=models.TextField(default="", blank=True)),
    ]
