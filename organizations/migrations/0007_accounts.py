"""People's own accounts: what proves them, their sessions, who asks to join, and organizations' policies on entering."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import controlplane.crypto
import organizations.accounts.models
import organizations.models.belonging
from controlplane.rls_operations import EnableRowSecurity, NarrowFunction, SQLiteSQL, visible_organizations

ME = "current_setting('app.actor', true)"
OF_PERSON = (
    "organizations_passkey",
    "organizations_authenticator",
    "organizations_recoverycode",
    "organizations_personsession",
)
FORGET_SPENT = """
  WITH codes AS (DELETE FROM organizations_mailedcode WHERE expires_at < at),
  guesses AS (DELETE FROM organizations_guesscount WHERE began_at < at - interval '2 days')
  DELETE FROM organizations_personsession WHERE last_seen_at < at - interval '90 days'
"""
# SQLite has rebuilt the table of organizations and lost its triggers on the way.
TRIGGERS = {
    name: (event, body)
    for name, (event, body) in import_module("organizations.migrations.0002_access").SQLITE_TRIGGERS.items()
    if event.endswith("organizations_organization")
}


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0006_domains"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="does_second_factor",
            field=models.BooleanField(default=False, help_text="The identity provider asks for a second factor itself"),
        ),
        migrations.AddField(
            model_name="organization",
            name="allowed_networks",
            field=models.JSONField(blank=True, default=list, help_text="CIDR ranges; empty is anywhere"),
        ),
        migrations.AddField(
            model_name="organization",
            name="idle_minutes",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Sign in anew after such a pause", null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="require_second_factor",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="organization",
            name="session_minutes",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Sign in anew after this time", null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="signed_out_at",
            field=models.DateTimeField(blank=True, help_text="What was proven before counts no more", null=True),
        ),
        migrations.AlterField(
            model_name="organization",
            name="sign_in_policy",
            field=models.CharField(
                choices=[
                    ("any", "Any verified account, or the organization's own sign-in"),
                    ("connection", "The organization's own identity provider only"),
                ],
                default="any",
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("secret", controlplane.crypto.EncryptedTextField()),
                ("last_step", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authenticator",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GuessCount",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.IntegerField()),
                ("began_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["began_at"], name="guess_counts_by_age")],
            },
        ),
        migrations.CreateModel(
            name="MailedCode",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.accounts.models.new_mailed_code_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("sign_up", "Sign-up"),
                            ("reset", "New password"),
                            ("address", "Proof that an address is read"),
                        ],
                        max_length=16,
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("guesses_left", models.SmallIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="mailed_codes_by_end")],
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.accounts.models.new_passkey_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("credential_id", models.TextField(help_text="base64url", unique=True)),
                ("credential", models.TextField(help_text="Attested credential data with the public key, base64url")),
                ("sign_count", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="JoinRequest",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=organizations.models.belonging.new_join_request_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="join_requests",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="join_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(fields=["organization", "-created_at", "-id"], name="join_requests_newest_first")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "organization"), name="one_join_request_per_person")
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonSession",
            fields=[
                ("id", models.CharField(editable=False, max_length=32, primary_key=True, serialize=False)),
                (
                    "way",
                    models.CharField(help_text="How it began: account, platform or a connection's id", max_length=32),
                ),
                ("device", models.CharField(help_text="Browser and system, in words", max_length=80)),
                (
                    "device_digest",
                    models.CharField(help_text="Of the cookie by which the browser is known again", max_length=64),
                ),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_seen_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="browser_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-last_seen_at", "-id"],
                "indexes": [models.Index(fields=["user", "-last_seen_at", "-id"], name="sessions_of_person")],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once")],
            },
        ),
        SQLiteSQL(
            [
                statement
                for name, (event, body) in TRIGGERS.items()
                for statement in (
                    f"DROP TRIGGER IF EXISTS {name}",
                    f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END",
                )
            ]
        ),
        *[EnableRowSecurity(table, using=f"'user:' || {table}.user_id = {ME}") for table in OF_PERSON],
        # Whoever knows the unguessable id of a code, and nobody else; nobody is signed in yet.
        EnableRowSecurity("organizations_mailedcode", using=f"'code:' || organizations_mailedcode.id = {ME}"),
        EnableRowSecurity(
            "organizations_joinrequest",
            using=f"{visible_organizations('organizations_joinrequest.organization_id')}"
            f" OR 'user:' || organizations_joinrequest.user_id = {ME}",
        ),
        NarrowFunction(
            "organizations_person_of_address",
            "SELECT u.id::text FROM organizations_user u WHERE lower(u.email) = lower(address) AND u.email_verified",
            arguments="address text",
            returns="TABLE (id text)",
            language="sql",
            callers=["app"],
        ),
        NarrowFunction(
            "organizations_forget_spent_accounts",
            FORGET_SPENT,
            arguments="at timestamptz",
            returns="void",
            language="sql",
            callers=["app", "worker"],
        ),
    ]
