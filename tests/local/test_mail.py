"""The stand-in mail server: what is sent by SMTP can be read as a page and as JSON."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from local.stack.layout import REPOSITORY
from local.stack.ports import free


@pytest.fixture
def server() -> Iterator[tuple[int, str]]:
    """The port that takes mail, and the address of the page."""
    smtp, http = free(2)
    command = [sys.executable, "-m", "local.mail", "--smtp", str(smtp), "--http", str(http)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"ready http://localhost:{http}\n"
        yield smtp, f"http://127.0.0.1:{http}"
        process.stdin.close()
        assert process.wait(10) == 0


def send(port: int, to: str, text: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Garrison <portal@garrison.example>", to, "Grüße & <b>more</b>"
    message["Message-ID"] = "<mail_1@localhost>"
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message)


def test_a_mail_is_shown_in_both_forms_and_found_by_its_recipient(server: tuple[int, str]) -> None:
    port, page = server
    send(port, "alice@example.test", "Hello\n\n.a line that begins with a dot\n")
    send(port, "bob@example.test", "For Bob\n")
    (mail,) = httpx.get(f"{page}/mails", params={"to": "Alice@example.test"}).json()["mails"]
    assert mail["to"] == ["alice@example.test"]
    assert mail["subject"] == "Grüße & <b>more</b>"
    assert mail["text"] == "Hello\n\n.a line that begins with a dot\n"
    assert mail["html"].startswith("<p>Hello")
    assert mail["message_id"] == "<mail_1@localhost>"
    assert [each["to"] for each in httpx.get(f"{page}/mails").json()["mails"]] == [["bob@example.test"], mail["to"]]


def test_the_page_shows_text_as_text_links_as_links_and_says_what_it_is(server: tuple[int, str]) -> None:
    port, page = server
    send(port, "alice@example.test", "<script>alert(1)</script>\n\n[Join now](http://localhost:8000/join/)\n")
    shown = httpx.get(page).text
    assert "stand-in" in shown
    assert "<script>" not in shown
    assert '<a href="http://localhost:8000/join/">Join now</a>' in shown


def test_a_sender_that_talks_nonsense_or_breaks_off_harms_nobody(server: tuple[int, str]) -> None:
    port, page = server
    with smtplib.SMTP("127.0.0.1", port) as client:
        assert client.docmd("VRFY", "alice")[0] == 502
        assert client.docmd("DATA")[0] == 503
        assert client.docmd("RCPT", "TO:nobody")[0] == 501
        client.docmd("MAIL", "FROM:<a@b.example>")
        client.docmd("RCPT", "TO:<alice@example.test>")
        client.docmd("DATA")
        client.send("half a mess")
        client.close()
    send(port, "alice@example.test", "after it")
    assert [mail["text"] for mail in httpx.get(f"{page}/mails").json()["mails"]] == ["after it\n"]
