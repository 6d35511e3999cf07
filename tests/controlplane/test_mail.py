"""Mail leaves with the change that it tells of, at least once, and is kept no longer than it is needed."""

import datetime as dt
import smtplib

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.template.loader import get_template
from django.utils import timezone

from controlplane import mail, outbox, retention, rls
from controlplane.models import Delivery, Mail, Message
from tests.database import all_rows
from tests.deliveries import deliver_due

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = """Join {{ organization }}

Somebody invited you to {{ organization }}.

    {{ code }}

[Join now]({{ portal }}/join/)

[Elsewhere](https://evil.example/)
"""


@pytest.fixture(autouse=True)
def template(tmp_path, settings):
    """A template of the tests' own beside the product's."""
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "trial.txt").write_text(TEXT)
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]
    assert get_template("mail/trial.txt")


def write(*, organization="org_a", name="Acme", **more):
    with rls.acting_as(f"org:{organization}"):
        return mail.write(
            to="alice@example.test",
            template="trial",
            context={"organization": name, "code": "H4X7-Q2"},
            organization_id=organization,
            **more,
        )


def stored() -> Mail:
    with all_rows():
        return Mail.objects.get()


def make_due() -> None:
    with all_rows():
        Delivery.objects.filter(delivered_at=None).update(next_attempt_at=timezone.now())


@pytest.fixture
def server(monkeypatch):
    """The mail server: raises what it is told to, before or after it has taken the mail."""
    says = {"before": None, "after": None}
    real = EmailBackend.send_messages

    def send(self, messages):
        for when in ("before", "after"):
            if when == "after":
                real(self, messages)
            if says[when]:
                raise says[when]
        return len(messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)
    return says


def test_a_mail_is_sent_once_the_change_stands_as_text_and_html():
    written = write()
    assert django_mail.outbox == []
    assert deliver_due() == 1
    (sent,) = django_mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.test"], "Join Acme")
    assert sent.from_email == "Garrison <portal@garrison.example>"
    assert sent.message()["Message-ID"] == f"<{written.pk}@testserver>"
    assert sent.message()["Auto-Submitted"] == "auto-generated"
    assert "    H4X7-Q2" in sent.body
    html = sent.alternatives[0].content
    assert "<b>H4X7-Q2</b>" in html
    assert 'href="http://testserver/join/"' in html
    assert deliver_due() == 0


def test_a_link_that_does_not_lead_here_is_no_button():
    write()
    deliver_due()
    assert 'href="https://evil.example/' not in django_mail.outbox[0].alternatives[0].content


def test_a_change_that_is_rolled_back_sends_nothing():
    with rls.acting_as("org:org_a"):
        mail.write(to="alice@example.test", template="trial", context={}, organization_id="org_a")
        transaction.set_rollback(True)
    assert deliver_due() == 0


def test_outside_a_transaction_nothing_is_written():
    with pytest.raises(RuntimeError, match="transaction"), rls.remembering("org:org_a"):
        mail.write(to="alice@example.test", template="trial", context={}, organization_id="org_a")


def test_a_name_can_neither_add_a_header_nor_markup():
    write(name="Acme\r\nBcc: mallory@example.test <b>x</b>")
    deliver_due()
    (sent,) = django_mail.outbox
    assert sent.subject == "Join Acme Bcc: mallory@example.test <b>x</b>"
    assert sent.recipients() == ["alice@example.test"]
    assert sent.message()["Bcc"] is None
    assert "<b>x</b>" not in sent.alternatives[0].content


def test_what_stands_in_a_mail_is_encrypted_and_gone_once_it_is_sent():
    write()
    with all_rows():
        raw = Mail.objects.extra(select={"raw": "content"}).values_list("raw", flat=True).get()
        assert "H4X7" not in str(Message.objects.values_list("payload", flat=True).get())
    assert raw
    assert "H4X7" not in raw
    deliver_due()
    assert (stored().state, stored().content) == ("sent", "")


def test_a_server_that_is_away_delays_the_mail_and_a_second_copy_has_the_same_id(server):
    write()
    server["after"] = ConnectionResetError()
    deliver_due()
    assert stored().state == "waiting"
    server["after"] = None
    make_due()
    deliver_due()
    first, second = (sent.message()["Message-ID"] for sent in django_mail.outbox)
    assert first == second
    assert stored().state == "sent"


@pytest.mark.parametrize(("code", "state"), [(550, "refused"), (451, "waiting")])
def test_a_recipient_refused_for_good_is_not_tried_again(server, code, state):
    write()
    server["before"] = smtplib.SMTPRecipientsRefused({"alice@example.test": (code, b"no")})
    deliver_due()
    assert stored().state == state
    make_due()
    assert deliver_due() == (0 if state == "refused" else 1)


def test_a_mail_that_comes_too_late_is_not_sent(server):
    write(lasts=dt.timedelta(minutes=10))
    with all_rows():
        Mail.objects.update(expires_at=timezone.now())
    assert deliver_due() == 1
    assert django_mail.outbox == []
    assert (stored().state, stored().content) == ("late", "")
    assert deliver_due() == 0


def test_no_address_and_no_content_is_logged(server, capsys, caplog):
    write()
    server["before"] = smtplib.SMTPServerDisconnected("gone")
    deliver_due()
    said = capsys.readouterr().err + caplog.text
    assert "delivery_failed" in said
    assert "alice@example.test" not in said
    assert "H4X7" not in said


@pytest.mark.postgres
def test_an_organizations_mail_is_nobody_elses():
    write()
    for somebody_else in ("org:org_b", "platform", ""):
        with rls.acting_as(somebody_else):
            assert not Mail.objects.exists()


def test_mails_are_forgotten_a_month_after_their_end():
    write()
    deliver_due()
    retention.forget_old_rows()
    assert stored()
    with all_rows():
        Mail.objects.update(ended_at=timezone.now() - dt.timedelta(days=31))
    retention.forget_old_rows()
    with all_rows():
        assert not Mail.objects.exists()


def test_a_mail_that_waits_is_nothing_that_is_pending_at_the_edge():
    write()
    with rls.acting_as("org:org_a"):
        assert outbox.waiting("org_a") == 0
