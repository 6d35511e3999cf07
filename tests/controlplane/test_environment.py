import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from controlplane.environment import read_environment

ROOT = Path(__file__).parents[2]
HEX = "0123456789abcdef" * 4
B64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="


@pytest.fixture
def production(tmp_path) -> dict[str, str]:
    """A complete environment as production has it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    for name in ("control.pem", "access.pem"):
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / name).write_bytes(pem)
        (tmp_path / name).chmod(0o600)
    return {
        "GARRISON_ENV": "production",
        "GARRISON_BASE_URL": "https://portal.garrison.example",
        "GARRISON_SECRET_KEY": "x8fQ2-aLp0" * 6,
        "DATABASE_URL": "postgres://app@db.internal/garrison",
        "REDIS_URL": "redis://redis.internal:6379/0",
        "GARRISON_CONTROL_KEY": str(tmp_path / "control.pem"),
        "GARRISON_ACCESS_KEY": str(tmp_path / "access.pem"),
        "GARRISON_CELL_ID_KEYS": json.dumps({"eu": HEX}),
        "GARRISON_FIELD_KEYS": json.dumps({"current": "k1", "keys": {"k1": B64}}),
        "GARRISON_AUDIT_KEY": HEX,
        "GARRISON_OIDC_ISSUER": "https://id.garrison.example",
        "GARRISON_OIDC_CLIENT_ID": "portal",
        "GARRISON_OIDC_CLIENT_SECRET": "s3cret",
        "GARRISON_SMTP_URL": "smtps://portal:s3cret@mail.garrison.example",
        "GARRISON_MAIL_FROM": "no-reply@garrison.example",
        "GARRISON_DATA_DIR": str(tmp_path),
    }


def check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy`, as a deployment runs it."""
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, env={**base, **environment}, cwd=ROOT, capture_output=True, text=True)


def test_the_kind_of_environment_is_mandatory():
    with pytest.raises(ImproperlyConfigured, match="GARRISON_ENV"):
        read_environment({})


def test_everything_missing_is_named_at_once():
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment({"GARRISON_ENV": "local"})
    for name in ("GARRISON_BASE_URL", "GARRISON_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "GARRISON_AUDIT_KEY"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GARRISON_BASE_URL", "portal.example"),
        ("GARRISON_BASE_URL", "https://portal.example/path"),
        ("DATABASE_URL", "mysql://x"),
        ("GARRISON_AUDIT_KEY", "secretvalue"),
        ("GARRISON_CELL_ID_KEYS", '{"UP": "secretvalue"}'),
        ("GARRISON_CELL_ID_KEYS", "["),
        ("GARRISON_FIELD_KEYS", '{"current": "k2", "keys": {"k1": "secretvalue"}}'),
        ("GARRISON_LOOPBACK_ORIGINS", "http://a,b"),
        ("GARRISON_SMTP_URL", "secretvalue.example:25"),
        ("GARRISON_SMTP_URL", "smtps://secretvalue@mail.example:port"),
        ("GARRISON_MAIL_FROM", "Garrison <no-reply@garrison.example>"),
        ("GARRISON_SPF_INCLUDE", "include:_spf.garrison.example"),
        ("GARRISON_SPF_INCLUDE", "_spf.garrison.example -all"),
    ],
)
def test_a_malformed_value_is_named_but_never_shown(production, name, value):
    with pytest.raises(ImproperlyConfigured, match=name) as caught:
        read_environment({**production, name: value})
    assert "secretvalue" not in str(caught.value)


def test_secrets_are_no_part_of_its_text(production):
    text = repr(read_environment(production))
    for secret in (HEX, B64, "s3cret", "x8fQ2"):
        assert secret not in text


def test_a_test_run_makes_new_keys_in_memory():
    first, second = (read_environment({"GARRISON_ENV": "test"}) for _ in range(2))
    assert first.audit_key != second.audit_key
    assert first.secret_key != second.secret_key


def test_production_settings_pass_every_deployment_check(production):
    result = check(production)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("GARRISON_BASE_URL", "http://portal.garrison.example", "garrison.E001"),
        ("GARRISON_BASE_URL", "https://localhost", "garrison.E001"),
        ("GARRISON_OIDC_ISSUER", "http://id.garrison.example", "garrison.E002"),
        ("GARRISON_OIDC_ISSUER", "https://127.0.0.1:9000", "garrison.E002"),
        ("GARRISON_LOOPBACK_ORIGINS", "http://127.0.0.1:9000", "garrison.E003"),
        ("GARRISON_CONTROL_KEY", "/srv/.local/control.pem", "garrison.E004"),
        ("GARRISON_ACCESS_KEY", "/nowhere.pem", "garrison.E004"),
        ("GARRISON_SECRET_KEY", "local-" + "x" * 60, "garrison.E005"),
        ("DATABASE_URL", "sqlite:///srv/db.sqlite3", "garrison.E006"),
        ("GARRISON_SMTP_URL", "", "garrison.E009"),
        ("GARRISON_SMTP_URL", "smtp://mail.garrison.example", "garrison.E009"),
        ("GARRISON_SMTP_URL", "smtps://localhost", "garrison.E009"),
        ("GARRISON_MAIL_FROM", "portal@localhost", "garrison.E010"),
    ],
)
def test_production_refuses_what_was_made_for_local_runs(production, name, value, error, monkeypatch):
    from controlplane import checks

    monkeypatch.setattr(checks, "environment", lambda: read_environment({**production, name: value}))
    assert error in {found.id for found in checks.no_local_settings_in_production(None)}


def test_only_the_worker_which_sends_needs_a_mail_server(production, monkeypatch):
    from controlplane import checks

    portal = {name: production[name] for name in production.keys() - {"GARRISON_CONTROL_KEY", "GARRISON_SMTP_URL"}}
    monkeypatch.setattr(checks, "environment", lambda: read_environment(portal))
    assert checks.no_local_settings_in_production(None) == []


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("smtps://a%40b:p%2Fw@mail.example", {"host": "mail.example", "username": "a@b", "password": "p/w"}),
        ("smtp+starttls://mail.example:2525", {"port": 2525, "use_tls": True, "use_ssl": False}),
        ("smtp://127.0.0.1:8025", {"port": 8025, "use_tls": False, "use_ssl": False}),
    ],
)
def test_the_mail_servers_address_becomes_djangos_options(address, options):
    from controlplane.settings.mail import options_of

    assert options.items() <= options_of(address).items()


def test_production_refuses_a_key_that_others_can_read(production, monkeypatch):
    from controlplane import checks

    Path(production["GARRISON_ACCESS_KEY"]).chmod(0o644)
    monkeypatch.setattr(checks, "environment", lambda: read_environment(production))
    (found,) = checks.no_local_settings_in_production(None)
    assert (found.id, "others" in found.msg) == ("garrison.E004", True)


@pytest.mark.django_db
def test_production_refuses_seeded_rows(production, monkeypatch):
    from controlplane import checks

    monkeypatch.setattr(checks, "environment", lambda: read_environment(production))
    assert checks.no_seeded_rows_in_production(None, databases=["default"]) == []
    for _ in range(2):
        call_command("mark_seeded")
    (found,) = checks.no_seeded_rows_in_production(None, databases=["default"])
    assert found.id == "garrison.E007"


def test_the_first_migration_of_production_asks_an_empty_database_nothing(production, monkeypatch):
    from controlplane import checks

    monkeypatch.setattr(checks, "environment", lambda: read_environment(production))
    assert checks.no_seeded_rows_in_production(None, databases=["owner"]) == []


def test_nothing_is_marked_as_seeded_in_production(settings):
    settings.GARRISON_ENV = "production"
    with pytest.raises(CommandError, match="Nothing was marked"):
        call_command("mark_seeded")


def test_trusted_proxies_are_networks(production):
    told = read_environment({**production, "GARRISON_TRUSTED_PROXIES": "10.0.0.0/24, 192.0.2.7"})
    assert told.trusted_proxies == ("10.0.0.0/24", "192.0.2.7/32")
    with pytest.raises(ImproperlyConfigured, match="GARRISON_TRUSTED_PROXIES"):
        read_environment({**production, "GARRISON_TRUSTED_PROXIES": "the proxy"})


@pytest.mark.django_db
def test_a_production_process_does_not_start_with_what_a_check_refuses(production, monkeypatch, settings):
    from controlplane import checks
    from controlplane.models import Marker

    settings.GARRISON_ENV = "production"
    monkeypatch.setattr(checks, "environment", lambda: read_environment(production))
    Marker.objects.create(name=Marker.SEEDED)
    with pytest.raises(ImproperlyConfigured, match=r"garrison\.E007"):
        checks.refuse_unsafe_production()


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_role_that_row_security_does_not_bind_is_refused():
    from controlplane.checks import the_role_obeys_row_security
    from tests.database import all_rows

    assert the_role_obeys_row_security(None, databases=["default"]) == []
    with all_rows():
        (found,) = the_role_obeys_row_security(None, databases=["default"])
    assert found.id == "garrison.E008"


@pytest.mark.parametrize(
    ("text", "resolvers"),
    [
        ("", ()),
        ("192.0.2.53", (("192.0.2.53", 53),)),
        ("127.0.0.1:5353, 192.0.2.1", (("127.0.0.1", 5353), ("192.0.2.1", 53))),
        ("2001:db8::53,[2001:db8::54]:5300,[::1]", (("2001:db8::53", 53), ("2001:db8::54", 5300), ("::1", 53))),
    ],
)
def test_name_servers_are_addresses_with_or_without_a_port(production, text, resolvers):
    assert read_environment({**production, "GARRISON_DNS_RESOLVERS": text}).dns_resolvers == resolvers


@pytest.mark.parametrize("text", ["ns.example.com", "192.0.2.53:dns", "[::1", "10.0.0.0/8"])
def test_a_name_server_that_is_no_address_is_named(production, text):
    with pytest.raises(ImproperlyConfigured, match="GARRISON_DNS_RESOLVERS"):
        read_environment({**production, "GARRISON_DNS_RESOLVERS": text})
