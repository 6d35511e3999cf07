"""The stand-in providers as processes: they say when they are ready, and end with whoever started them."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.enable_socket
REPOSITORY = Path(__file__).parent.parent.parent
PROBES = {"oidc": "/.well-known/openid-configuration", "saml": "/metadata"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], str]]]:
    """Starts one provider; returns the process and its address once it is ready."""
    people = tmp_path / "people.json"
    people.write_text(json.dumps([{"sub": "alice", "email": "alice@example.test", "name": "Alice"}]))
    started: list[subprocess.Popen[str]] = []

    def launch(kind: str) -> tuple[subprocess.Popen[str], str]:
        port = free_port()
        own = {
            "oidc": ["--client-id", "portal", "--redirect", "http://localhost:1/sso/oidc/platform/callback/"],
            "saml": ["--portal", "http://localhost:1", "--keys", str(tmp_path / "keys")],
        }
        command = [sys.executable, "-m", f"local.idp.{kind}", "--port", str(port), "--people", str(people)]
        process = subprocess.Popen(
            [*command, *own[kind]],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin", "OIDC_CLIENT_SECRET": "secret"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == f"ready http://localhost:{port}\n"
        return process, f"http://127.0.0.1:{port}"

    yield launch
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("kind", PROBES)
def test_a_stand_in_answers_and_ends_when_its_stdin_ends(
    kind: str, start: Callable[[str], tuple[subprocess.Popen[str], str]]
) -> None:
    process, address = start(kind)
    assert httpx.get(address + PROBES[kind]).status_code == 200
    assert "stand-in" in httpx.get(address + "/").text
    assert httpx.get(address + "/nothing").status_code == 404
    process.stdin.close()
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("kind", PROBES)
def test_a_stand_in_ends_on_sigterm(kind: str, start: Callable[[str], tuple[subprocess.Popen[str], str]]) -> None:
    process, _ = start(kind)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_rubbish_is_answered_with_its_reason(start: Callable[[str], tuple[subprocess.Popen[str], str]]) -> None:
    _, oidc = start("oidc")
    _, saml = start("saml")
    for address in (f"{oidc}/authorize", f"{saml}/sso", f"{saml}/sso?SAMLRequest=rubbish"):
        assert httpx.get(address).status_code == 400
    assert httpx.post(f"{saml}/sso", content=b"\xff\xfe").status_code == 400
