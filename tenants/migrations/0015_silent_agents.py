"""When the edge told that an agent is not heard any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0014_agent_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="silent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
