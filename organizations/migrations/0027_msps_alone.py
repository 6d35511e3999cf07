"""
Has the policy that shows clients their MSP ask first whether a row is one.

It goes through every grant that the asker sees, and Postgres judges by it before a row's own policy: each look at one
client went through all grants of its MSP.
"""

from django.db import migrations

from controlplane.rls_operations import PostgresSQL

OF_GRANTS = "id IN (SELECT msp_id FROM organizations_grant WHERE state = 'active')"
ALTER = "ALTER POLICY msp_of_mine ON organizations_organization USING"


class Migration(migrations.Migration):
    dependencies = [("organizations", "0026_hostnames")]

    operations = [PostgresSQL([f"{ALTER} (kind = 'msp' AND {OF_GRANTS})"], [f"{ALTER} ({OF_GRANTS})"])]
