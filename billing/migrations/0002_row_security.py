"""Shows an organization's subscription to its own people only."""

from django.db import migrations

from controlplane.rls_operations import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("organizations", "0002_access")]

    operations = [EnableRowSecurity("billing_subscription")]
