"""Alerts that are raised here, as long as their cause stands."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0002_alerts"),
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0026_agent_batches"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="stands",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rule", "Rule"),
                    ("agent_silent", "Silent agents"),
                    ("tenant_silent", "Silent tenant"),
                    ("disk", "Disk"),
                    ("provisioning", "Failed operation"),
                    ("certificate", "Certificate"),
                ],
                default="rule",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rule", "Rule"),
                    ("agent_silent", "Silent agents"),
                    ("tenant_silent", "Silent tenant"),
                    ("disk", "Disk"),
                    ("provisioning", "Failed operation"),
                    ("certificate", "Certificate"),
                ],
                default="rule",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stands", True)), fields=("tenant", "kind", "key"), name="a_cause_stands_once"
            ),
        ),
    ]
