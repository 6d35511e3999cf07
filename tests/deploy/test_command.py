"""`python -m deploy`: nothing is begun while anything is wrong."""

import json

import pytest

from deploy import __main__ as command
from tests.deploy.described import ALL_SECRETS, EXAMPLE


@pytest.fixture
def file(tmp_path, keys):
    target = tmp_path / "cell.toml"
    target.write_text(EXAMPLE.read_text().replace("/run/secrets/data_keys.json", str(keys)))
    return target


@pytest.fixture
def portal(monkeypatch):
    for name in ("GARRISON_ENV", "GARRISON_CONTROL_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "given")


def test_a_dry_run_prints_the_plan_and_needs_nothing(file, programs, monkeypatch, capsys):
    monkeypatch.delenv("GARRISON_CELL_ID_KEYS")
    assert command.main([str(file), "--dry-run"]) == 0
    assert "1. write the Worker's configuration" in capsys.readouterr().out
    assert not programs.calls


def test_a_bad_file_is_told_fault_by_fault_and_nothing_runs(file, programs, portal, capsys):
    file.write_text(file.read_text().replace('id = "eu"', 'id = "EU"').replace("capacity = 400", "capacity = 0"))
    assert command.main([str(file)]) == 2
    told = capsys.readouterr().err
    assert "cell.id:" in told
    assert "cell.capacity:" in told
    assert not programs.calls


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("{", 0o600, "expected"),
        ('{"current": "k2", "keys": {"k1": "x"}}', 0o600, "expected"),
        ('{"current": "k1", "keys": {"k1": "c2hvcnQ="}}', 0o600, "k1 is not 32 bytes"),
        ('{"current": "local1", "keys": {"local1": "c2hvcnQ="}}', 0o600, "made for a local run"),
        (None, 0o644, "others than its owner"),
    ],
)
def test_unusable_data_keys_are_told_and_nothing_runs(file, keys, programs, portal, capsys, content, mode, words):
    if content:
        keys.write_text(content)
    keys.chmod(mode)
    assert command.main([str(file)]) == 2
    told = capsys.readouterr().err
    assert "secrets.data_keys_file" in told
    assert words in told
    assert not any(secret in told for secret in ALL_SECRETS)
    assert not programs.calls


def test_a_cell_without_a_key_is_told(file, programs, portal, monkeypatch, capsys):
    monkeypatch.setenv("GARRISON_CELL_ID_KEYS", json.dumps({"us": "00" * 32}))
    assert command.main([str(file)]) == 2
    assert "GARRISON_CELL_ID_KEYS" in capsys.readouterr().err
    assert not programs.calls


def test_what_the_machine_lacks_is_told_at_once_with_the_rest(file, keys, programs, monkeypatch, capsys):
    keys.chmod(0o644)
    for name in ("CLOUDFLARE_API_TOKEN", "GARRISON_CONTROL_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (programs.folder / "wrangler").rename(programs.folder / "elsewhere")
    assert command.main([str(file)]) == 2
    told = capsys.readouterr().err
    for name in ("CLOUDFLARE_API_TOKEN", "GARRISON_CONTROL_KEY", "DATABASE_URL"):
        assert f"{name}: is not set" in told
    assert "wrangler: not on PATH" in told
    assert "secrets.data_keys_file" in told
    assert not programs.calls
