"""Keeps when the identity provider authenticated the person, for linking, which demands that it did so just now."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0004_staff")]

    operations = [
        migrations.AddField(model_name="seenassertion", name="authenticated_at", field=models.DateTimeField(null=True)),
    ]
