"""Keeps with a remembered answer what it was allowed by; and names chains by their entries too, not by heads alone."""

from django.db import migrations, models

from controlplane.rls_operations import NarrowFunction

CHAINS = """
  SELECT organization_id FROM controlplane_audithead UNION SELECT organization_id FROM controlplane_auditentry
"""


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0002_security")]

    operations = [
        migrations.AddField(
            model_name="rememberedanswer", name="needed", field=models.JSONField(default=list, blank=True)
        ),
        NarrowFunction(
            "audit_chains",
            CHAINS,
            returns="TABLE (organization_id text)",
            language="sql",
            callers=("app", "worker"),
        ),
    ]
