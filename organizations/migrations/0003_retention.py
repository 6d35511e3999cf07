"""Narrow functions of the hourly clean-up: it works for no organization, so it may ask only these two questions."""

from django.db import migrations

from controlplane.rls_operations import NarrowFunction

FORGET_SPENT = """
  WITH assertions AS (DELETE FROM organizations_seenassertion WHERE keep_until < at)
  DELETE FROM organizations_invitation WHERE expires_at < at
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0002_access")]

    operations = [
        NarrowFunction(
            "organizations_forget_spent",
            FORGET_SPENT,
            arguments="at timestamptz",
            returns="void",
            language="sql",
            callers=["app", "worker"],
        ),
        NarrowFunction(
            "organizations_unfinished",
            "SELECT o.id::text FROM organizations_organization o"
            " WHERE o.state = 'pending' AND o.created_at < before ORDER BY o.id LIMIT 100",
            arguments="before timestamptz",
            returns="TABLE (id text)",
            language="sql",
            callers=["app", "worker"],
        ),
    ]
