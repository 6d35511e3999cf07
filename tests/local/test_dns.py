"""The stand-in name server, asked by the product's own look-up over a real socket."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from controlplane.environment import environment
from local.dns.zone import Zone
from local.stack.layout import REPOSITORY
from organizations.domain_names import dns
from organizations.domain_names.dns import record_name, record_text


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of the page of a name server that the product asks."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    command = [sys.executable, "-m", "local.dns", "--port", str(port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = replace(environment(), dns_resolvers=(("127.0.0.1", port),))
    monkeypatch.setattr(dns, "environment", lambda: told)
    try:
        assert process.stdout.readline() == f"ready http://localhost:{port}\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def publish(server: str, domain: str, text: str) -> None:
    httpx.post(server, data={"name": record_name(domain), "text": text}).read()


def test_a_record_is_found_once_it_is_published_and_lost_when_it_is_taken_away(server: str) -> None:
    assert dns.look("acme.example", "p1") == dns.Found(False, "There is no such TXT record yet.")
    publish(server, "acme.example", "v=spf1 -all")
    assert "something else (v=spf1 -all)" in dns.look("acme.example", "p1").words
    publish(server, "acme.example", record_text("p1"))
    assert dns.look("acme.example", "p1").there is True
    assert dns.look("acme.example", "p2").there is False
    assert dns.look("other.example", "p1").there is False
    assert record_text("p1") in httpx.get(server).text
    publish(server, "acme.example", "")
    assert dns.look("acme.example", "p1").there is False


def test_a_name_server_that_is_away_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told = replace(environment(), dns_resolvers=(("127.0.0.1", 9),))
    monkeypatch.setattr(dns, "environment", lambda: told)
    monkeypatch.setattr(dns, "SECONDS", 0.5)
    assert dns.look("acme.example", "p1").there is None


@pytest.mark.parametrize("packet", [b"", b"\x00" * 12, b"\xff" * 40, b"hello"])
def test_what_is_no_question_is_not_answered(packet: bytes) -> None:
    assert Zone().answer(packet) is None
