"""What a token's short link tells, asked before anybody is known."""

from django.db import migrations

from controlplane.rls_operations import APP_ROLE, NarrowFunction

FOUND = """
  SELECT t.cell_id::text, COALESCE(t.spec #>> '{images,manager}', t.spec ->> 'version') FROM tenants_enrollmenttoken e
  JOIN tenants_tenant t ON t.id = e.tenant_id
  WHERE e.id = wanted AND e.expires_at > at AND (e.revoked_at IS NULL OR e.revoked_at > at) AND t.requested <> 'deleted'
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0018_native_tokens")]

    operations = [
        NarrowFunction(
            "installer_of_token",
            FOUND,
            arguments="wanted text, at timestamptz",
            returns="TABLE (cell text, version text)",
            language="sql",
            callers=(APP_ROLE,),
        ),
    ]
