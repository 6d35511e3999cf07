"""
Domains, test sign-ins, mappings of claims and groups, own keys, and the owner for emergencies.

The narrow functions are what is asked before sign-in (whose domain is it) and by the clock (what is due).
"""

import base64

import django.db.models.deletion
from cryptography import x509
from django.conf import settings
from django.db import migrations, models

import controlplane.crypto
import organizations.domain_names.claim
import organizations.sso.domains.models
import organizations.sso.models
from controlplane.rls_operations import EnableRowSecurity, NarrowFunction

CONNECTION_OF_DOMAIN = """
  SELECT d.organization_id::text, d.connection_id::text FROM organizations_domain d
  JOIN organizations_connection c ON c.id = d.connection_id AND c.state = 'enabled'
  JOIN organizations_organization o ON o.id = d.organization_id AND o.state = 'active'
  WHERE d.name = wanted AND d.state IN ('proven', 'missing')
"""

CERTIFICATES_DUE = """
  SELECT c.id::text, c.organization_id::text FROM organizations_connection c
  JOIN LATERAL (
    SELECT min(d) AS days FROM unnest(ARRAY[30, 7, 1, 0]) d WHERE c.certificates_end_at <= at + d * interval '1 day'
  ) reached ON reached.days IS NOT NULL
  WHERE c.state = 'enabled' AND (c.told_days_left IS NULL OR c.told_days_left > reached.days) ORDER BY c.id LIMIT 500
"""

FORGET_SPENT = """
  WITH assertions AS (DELETE FROM organizations_seenassertion WHERE keep_until < at),
  tests AS (DELETE FROM organizations_signintest WHERE created_at < at - interval '30 days')
  DELETE FROM organizations_invitation WHERE expires_at < at
"""


def note_when_certificates_end(apps, schema_editor):
    """For connections that were there before: when the last of their certificates ends."""
    connections = apps.get_model("organizations", "Connection").objects.using(schema_editor.connection.alias)
    for pk, certificates in connections.filter(kind="saml").values_list("pk", "certificates"):
        ends = [x509.load_der_x509_certificate(base64.b64decode(text)).not_valid_after_utc for text in certificates]
        connections.filter(pk=pk).update(certificates_end_at=max(ends, default=None))


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0005_when_authenticated"),
    ]

    operations = [
        migrations.CreateModel(
            name="Domain",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.sso.domains.models.new_domain_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(help_text="Lower case, in its ASCII form", max_length=253)),
                (
                    "proof",
                    models.CharField(
                        default=organizations.domain_names.claim.new_proof, editable=False, max_length=64, unique=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for DNS"),
                            ("proven", "Proven"),
                            ("missing", "Record is gone"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                (
                    "enforced",
                    models.BooleanField(
                        default=False, help_text="Members with such an address must use the connection"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("proven_at", models.DateTimeField(blank=True, null=True)),
                ("missing_since", models.DateTimeField(blank=True, null=True)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("looked_words", models.CharField(blank=True, help_text="What the last look found", max_length=200)),
                ("next_look_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="SignInTest",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.sso.models.new_test_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("key", models.CharField(max_length=128)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("running", "Waiting for the provider"), ("passed", "Passed"), ("refused", "Refused")],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=64)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("uid", models.CharField(blank=True, max_length=191)),
                ("claims", models.JSONField(blank=True, default=dict)),
                ("email_disputed", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="connection",
            name="certificates_end_at",
            field=models.DateTimeField(
                blank=True, help_text="SAML: when the last of the provider's certificates ends", null=True
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="default_role",
            field=models.CharField(
                choices=[
                    ("owner", "Owner"),
                    ("admin", "Admin"),
                    ("operator", "Operator"),
                    ("viewer", "Viewer"),
                    ("billing", "Billing"),
                    ("none", "No access"),
                ],
                default="viewer",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="former_secret",
            field=controlplane.crypto.EncryptedTextField(
                blank=True, default="", help_text="OIDC: the secret before, until the new one has worked once"
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="just_in_time",
            field=models.BooleanField(default=False, help_text="Whether unknown people of a proven domain join"),
        ),
        migrations.AddField(
            model_name="connection",
            name="mapping",
            field=models.JSONField(blank=True, default=dict, help_text="Which claim is e-mail, name and groups"),
        ),
        migrations.AddField(
            model_name="connection",
            name="next_request_certificate",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="next_request_key",
            field=controlplane.crypto.EncryptedTextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="connection",
            name="request_certificate",
            field=models.TextField(blank=True, help_text="SAML: our own certificate, base64 DER"),
        ),
        migrations.AddField(
            model_name="connection",
            name="request_key",
            field=controlplane.crypto.EncryptedTextField(
                blank=True, default="", help_text="SAML: our own private key, PEM"
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="role_rules",
            field=models.JSONField(blank=True, default=list, help_text="Group → role, the first that matches counts"),
        ),
        migrations.AddField(
            model_name="connection",
            name="scopes",
            field=models.CharField(
                blank=True, help_text="OIDC: asked for besides openid, email and profile", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="signs_requests",
            field=models.BooleanField(default=False, help_text="SAML: whether our requests are signed"),
        ),
        migrations.AddField(
            model_name="connection",
            name="told_days_left",
            field=models.SmallIntegerField(blank=True, help_text="The last warning of that end", null=True),
        ),
        migrations.AddField(
            model_name="membership",
            name="blocked_at",
            field=models.DateTimeField(
                blank=True, help_text="Since when the identity provider's groups give no access", null=True
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="break_glass",
            field=models.ForeignKey(
                blank=True,
                help_text="The owner who may come in by the platform's sign-in although the organization demands its own",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="seenassertion",
            name="claims",
            field=models.JSONField(blank=True, default=dict, help_text="Attributes, name → values; emptied once taken"),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_role__in", ["owner", "admin", "operator", "viewer", "billing", "none"])),
                name="connection_default_role_is_known",
            ),
        ),
        migrations.AddField(
            model_name="domain",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                help_text="Where people with such an address are led from the sign-in page",
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="domains",
                to="organizations.connection",
            ),
        ),
        migrations.AddField(
            model_name="domain",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="domains", to="organizations.organization"
            ),
        ),
        migrations.AddField(
            model_name="signintest",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="tests", to="organizations.connection"
            ),
        ),
        migrations.AddField(
            model_name="signintest",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="organizations.organization"
            ),
        ),
        migrations.AddField(
            model_name="signintest",
            name="tested_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="domain",
            index=models.Index(fields=["next_look_at"], name="domain_next_look"),
        ),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.UniqueConstraint(fields=("organization", "name"), name="a_domain_is_claimed_once"),
        ),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("proven", "missing"))),
                fields=("name",),
                name="one_organization_per_proven_domain",
            ),
        ),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.CheckConstraint(
                condition=models.Q(("enforced", False), ("connection__isnull", False), _connector="OR"),
                name="an_enforced_domain_names_its_connection",
            ),
        ),
        migrations.AddConstraint(
            model_name="signintest",
            constraint=models.UniqueConstraint(fields=("connection", "key"), name="a_test_is_answered_once"),
        ),
        migrations.RunPython(note_when_certificates_end, migrations.RunPython.noop),
        EnableRowSecurity("organizations_domain"),
        EnableRowSecurity("organizations_signintest"),
        NarrowFunction(
            "organizations_connection_of_domain",
            CONNECTION_OF_DOMAIN,
            arguments="wanted text",
            returns="TABLE (organization_id text, connection_id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_domains_due",
            "SELECT d.id::text, d.organization_id::text FROM organizations_domain d"
            " WHERE d.next_look_at <= at ORDER BY d.next_look_at LIMIT most",
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=["worker", "app"],
        ),
        NarrowFunction(
            "organizations_certificates_due",
            CERTIFICATES_DUE,
            arguments="at timestamptz",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=["worker", "app"],
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
