"""Rules, decoders, lists and agents' settings of organizations and tenants, and what clients inherit of providers."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.content.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

ME = "current_setting('app.actor', true)"
# Only for an actor who sees that organization, and only of providers whose access holds and lets them run tenants.
INHERITED = f"""
  SELECT o.id::text, o.name::text, f.id::text, f.kind::text, f.name::text, v.number, v.sha256::text,
    CASE WHEN texts THEN v.text END
  FROM organizations_grant g
  JOIN organizations_organization o ON o.id = g.msp_id
  JOIN tenants_contentfile f ON f.organization_id = g.msp_id AND f.tenant_id IS NULL AND f.withdrawn_at IS NULL
  JOIN tenants_contentversion v ON v.file_id = f.id AND v.number = f.latest
  WHERE g.client_id = organization AND g.state = 'active' AND (g.ends_at IS NULL OR g.ends_at > now())
    AND (g.review_at IS NULL OR g.review_at > now() - interval '30 days')
    AND g.role_ceiling IN ('admin', 'operator', 'owner')
    AND ({ME} = 'org:' || organization OR EXISTS (SELECT 1 FROM organizations_access a
      WHERE a.actor = {ME} AND a.organization_id = organization AND (a.ends_at IS NULL OR a.ends_at > now())))
  ORDER BY g.created_at DESC, g.id DESC
"""  # noqa: S608 - no input


class Migration(migrations.Migration):
    dependencies = [("tenants", "0021_settled"), ("organizations", "0021_jurisdiction")]

    operations = [
        migrations.CreateModel(
            name="ContentFile",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.content.models.new_file_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("rules", "Rules"),
                            ("decoders", "Decoders"),
                            ("lists", "Lists"),
                            ("agent_configuration", "Agents' settings"),
                        ],
                        max_length=32,
                    ),
                ),
                ("name", models.CharField(max_length=128)),
                ("latest", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_files",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ContentVersion",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.content.models.new_version_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True, null=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="tenants.contentfile"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
            },
        ),
        migrations.AddIndex(
            model_name="contentfile",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="content_of_organization"),
        ),
        migrations.AddIndex(
            model_name="contentfile",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="content_of_tenant"),
        ),
        migrations.AddConstraint(
            model_name="contentfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("tenant__isnull", True)),
                fields=("organization", "kind", "name"),
                name="an_organization_has_a_file_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="contentfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("tenant__isnull", False)),
                fields=("tenant", "kind", "name"),
                name="a_tenant_has_a_file_once",
            ),
        ),
        migrations.AddIndex(
            model_name="contentversion",
            index=models.Index(fields=["file", "-created_at", "-id"], name="versions_of_content"),
        ),
        migrations.AddConstraint(
            model_name="contentversion",
            constraint=models.UniqueConstraint(fields=("file", "number"), name="a_version_has_its_number_once"),
        ),
        EnableRowSecurity("tenants_contentfile"),
        EnableRowSecurity("tenants_contentversion"),
        NarrowFunction(
            "content_inherited",
            INHERITED,
            arguments="organization text, texts boolean",
            returns="TABLE (provider_id text, provider_name text, file_id text, kind text, name text,"
            " number integer, sha256 text, content text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
