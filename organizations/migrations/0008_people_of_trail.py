"""Who stands behind the entries of an audit trail, for whoever sees the trail."""

from django.db import migrations

from controlplane.rls_operations import NarrowFunction

ME = "current_setting('app.actor', true)"
# A step in an index for each person: an EXISTS became a walk through the whole trail.
# Only people whom the organization's own trail names, and only for an actor who sees that organization.
PEOPLE_OF_TRAIL = f"""
  SELECT u.id::text, u.name::text, u.email::text FROM organizations_user u
  WHERE (u.id = ANY (ids) OR (pattern <> '' AND (u.name ILIKE pattern OR u.email ILIKE pattern)))
    AND (SELECT e.position FROM controlplane_auditentry e
      WHERE e.organization_id = organization AND e.actor_user = u.id LIMIT 1) IS NOT NULL
    AND ({ME} = 'org:' || organization OR EXISTS (SELECT 1 FROM organizations_access a
      WHERE a.actor = {ME} AND a.organization_id = organization AND (a.ends_at IS NULL OR a.ends_at > now())))
  ORDER BY u.id LIMIT CASE WHEN pattern = '' THEN NULL ELSE most END
"""  # noqa: S608 - no input


class Migration(migrations.Migration):
    dependencies = [("organizations", "0007_accounts"), ("controlplane", "0006_audit_search")]

    operations = [
        NarrowFunction(
            "organizations_people_of_trail",
            PEOPLE_OF_TRAIL,
            arguments="organization text, ids text[], pattern text, most integer",
            returns="TABLE (id text, name text, email text)",
            language="sql",
            callers=("app", "worker"),
        ),
    ]
