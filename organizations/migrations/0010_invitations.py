"""Invitations by mail, and requests to join from domains that take them."""

from django.db import migrations, models

from controlplane.rls_operations import NarrowFunction

THAT_TAKE_ME = """
  SELECT o.id::text, o.name::text FROM organizations_user u
  JOIN organizations_domain d ON d.name = lower(substring(u.email from '@([^@]*)$'))
    AND d.join_requests AND d.state IN ('proven', 'missing')
  JOIN organizations_organization o ON o.id = d.organization_id AND o.state = 'active'
  WHERE 'user:' || u.id = current_setting('app.actor', true) AND u.email_verified
    AND NOT EXISTS (
      SELECT 1 FROM organizations_membership m WHERE m.user_id = u.id AND m.organization_id = o.id
    )
  ORDER BY o.id
"""

FORGET_SPENT = """
  WITH assertions AS (DELETE FROM organizations_seenassertion WHERE keep_until < at),
  tests AS (DELETE FROM organizations_signintest WHERE created_at < at - interval '30 days'),
  requests AS (DELETE FROM organizations_joinrequest WHERE created_at < at - interval '30 days')
  DELETE FROM organizations_invitation WHERE expires_at < at - interval '30 days'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0009_blocked_members"),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="sent_at",
            field=models.DateTimeField(blank=True, help_text="When the last mail about it was written", null=True),
        ),
        migrations.AddField(
            model_name="domain",
            name="join_requests",
            field=models.BooleanField(default=False, help_text="People with such an address, proven, may ask to join"),
        ),
        migrations.AddField(
            model_name="joinrequest",
            name="declined_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        NarrowFunction(
            "organizations_that_take_me",
            THAT_TAKE_ME,
            returns="TABLE (id text, name text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_forget_spent",
            FORGET_SPENT,
            arguments="at timestamptz",
            returns="void",
            language="sql",
            callers=["app", "worker"],
        ),
    ]
