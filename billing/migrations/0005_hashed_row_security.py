"""Subscriptions of thousands of clients are read in one list."""

from django.db import migrations

from controlplane.rls_operations import HashRowSecurity


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_what_fits_the_disk")]

    operations = [HashRowSecurity("billing_subscription")]
