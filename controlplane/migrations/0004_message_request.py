"""Keeps with a fact the request in which it happened, so that what other systems are told of it names that request too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0003_what_answers_needed")]

    operations = [
        migrations.AddField(model_name="message", name="request", field=models.TextField(default="", blank=True)),
    ]
