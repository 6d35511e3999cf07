"""Whom agents of Wazuh 5 trust, and the key by which they prove a token, until the edge has it."""

from django.db import migrations, models

import controlplane.crypto


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0017_receipts"),
    ]

    operations = [
        migrations.AddField(
            model_name="cell",
            name="agent_ca",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="enrollmenttoken",
            name="wazuh5_key",
            field=controlplane.crypto.EncryptedTextField(blank=True),
        ),
    ]
