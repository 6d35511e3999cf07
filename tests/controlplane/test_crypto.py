import base64

import pytest
from django.core.management import call_command
from django.db import connection

from controlplane import crypto
from controlplane.environment import FieldKeys
from controlplane.management.commands import rotate_field_keys
from controlplane.models import RememberedAnswer
from tests.database import all_rows


def keys(monkeypatch, current, *names):
    values = {name: base64.b64encode(name.encode() * 16).decode() for name in names}

    class Environment:
        field_keys = FieldKeys(current=current, keys=values)

    for module in (crypto, rotate_field_keys):
        monkeypatch.setattr(module, "environment", lambda: Environment)


def test_what_was_sealed_opens_again_and_never_looks_the_same():
    sealed = [crypto.seal("pässword", purpose="p") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert [crypto.open_sealed(each, purpose="p") for each in sealed] == ["pässword"] * 2


def test_a_sealed_text_moved_elsewhere_does_not_open():
    with pytest.raises(crypto.CannotOpen):
        crypto.open_sealed(crypto.seal("x", purpose="one.column"), purpose="another.column")


@pytest.mark.parametrize(
    "change", [lambda text: text[:-4] + "AAA=", lambda text: text + "!", lambda text: "t1:", lambda text: ""]
)
def test_a_changed_text_does_not_open(change):
    with pytest.raises(crypto.CannotOpen):
        crypto.open_sealed(change(crypto.seal("secret", purpose="p")), purpose="p")


def test_after_a_rotation_old_texts_open_and_new_ones_use_the_new_key(monkeypatch):
    keys(monkeypatch, "k1", "k1")
    old = crypto.seal("x", purpose="p")
    keys(monkeypatch, "k2", "k1", "k2")
    assert crypto.open_sealed(old, purpose="p") == "x"
    assert crypto.key_id_of(crypto.seal("x", purpose="p")) == "k2"
    keys(monkeypatch, "k2", "k2")
    with pytest.raises(crypto.CannotOpen, match="k1"):
        crypto.open_sealed(old, purpose="p")


@pytest.mark.django_db
def test_an_encrypted_column_is_plain_in_python_and_sealed_in_the_database():
    with all_rows():
        RememberedAnswer.objects.create(actor="org:org_a", key="k", fingerprint="f", body="in the clear")
        assert RememberedAnswer.objects.get().body == "in the clear"
        with connection.cursor() as cursor:
            cursor.execute("SELECT body FROM controlplane_rememberedanswer")
            (stored,) = cursor.fetchone()
    assert stored.startswith("t1:")
    assert "clear" not in stored


@pytest.mark.django_db
def test_the_rotation_seals_every_stored_secret_anew(monkeypatch, capsys):
    with all_rows():
        keys(monkeypatch, "k1", "k1")
        for name in ("a", "b"):
            RememberedAnswer.objects.create(actor="org:org_a", key=name, fingerprint="f", body=f"secret {name}")
        keys(monkeypatch, "k2", "k1", "k2")
        RememberedAnswer.objects.create(actor="org:org_a", key="c", fingerprint="f", body="secret c")
        call_command("rotate_field_keys")
        assert "controlplane.RememberedAnswer.body: 2 encrypted anew." in capsys.readouterr().out
        keys(monkeypatch, "k2", "k2")
        assert sorted(RememberedAnswer.objects.values_list("body", flat=True)) == ["secret a", "secret b", "secret c"]


def test_the_rotation_knows_every_encrypted_column():
    names = {f"{model._meta.label}.{field}" for model, field in rotate_field_keys.encrypted_columns()}
    assert {"controlplane.RememberedAnswer.body", "organizations.Connection.client_secret"} <= names
