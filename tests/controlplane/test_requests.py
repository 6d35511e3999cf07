"""What happens to every request: its transaction, its errors, its headers, its host, its id."""

import json

import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client, RequestFactory

from controlplane import health, rls
from controlplane.models import Message
from controlplane.pages import server_error
from tests.cast import session_of
from tests.database import all_rows

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.controlplane.api_for_tests")]


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


def kept() -> int:
    with all_rows():
        return Message.objects.count()


@pytest.mark.parametrize(("status", "rows"), [(200, 1), (303, 1), (403, 1), (500, 0), (503, 0)])
def test_an_answer_of_500_and_more_keeps_nothing(visitor, status, rows):
    visitor.post("/publishing/", {"status": status})
    assert kept() == rows


def test_an_exception_keeps_nothing_and_shows_nothing_of_itself(visitor):
    answer = visitor.post("/pages/broken/")
    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()
    assert answer["X-Request-Id"] in answer.content.decode()
    assert kept() == 0


def test_a_problem_in_a_page_is_a_page_that_says_what_to_do(visitor):
    answer = visitor.get("/pages/forbidden/")
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")
    assert "You may not." in answer.content.decode()
    assert "&lt;b&gt;alice" in answer.content.decode()


@pytest.mark.parametrize("address", ["/pages/missing/", "/nowhere/"])
def test_what_is_not_there_is_a_page_that_names_no_route(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 404
    assert "secret" not in answer.content.decode()
    assert "pages/" not in answer.content.decode()


def test_the_page_of_an_internal_error_needs_no_database(django_db_blocker, rf):
    with django_db_blocker.block():
        answer = server_error(rf.get("/o/"))
    assert answer.status_code == 500


def test_a_form_without_its_proof_is_refused_with_a_page():
    answer = Client(enforce_csrf_checks=True).post("/pages/a/")
    assert answer.status_code == 403
    assert "expired" in answer.content.decode()


class TestHost:
    @pytest.mark.parametrize("host", ["evil.example", "testserver:81", "testserver.evil.example", "", "a b"])
    def test_another_host_is_refused(self, visitor, host):
        answer = visitor.get("/pages/a/", headers={"Host": host})
        assert answer.status_code == 400

    def test_a_forwarded_host_changes_nothing(self, visitor):
        answer = visitor.get("/pages/a/", headers={"X-Forwarded-Host": "evil.example"})
        assert answer.status_code == 200

    def test_probes_come_with_any_host(self, visitor):
        assert visitor.get("/livez", headers={"Host": "10.0.0.7"}).json() == {"status": "live"}


class TestHealth:
    def test_a_process_with_its_database_is_ready(self, visitor):
        answer = visitor.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")

    @pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
    def test_without_the_database_it_lives_but_is_not_ready(self, visitor, monkeypatch, error):
        def unreachable():
            raise error("secret detail")

        monkeypatch.setattr(connection, "cursor", unreachable)
        assert visitor.get("/livez").status_code == 200
        answer = visitor.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "unreachable")
        assert "secret" not in answer.content.decode()

    @pytest.mark.enable_socket
    def test_without_the_broker_it_stays_ready_and_says_so(self, visitor, settings):
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        assert not health._broker_answers()
        assert visitor.get("/readyz").json()["checks"]["broker"] == "unreachable"


class TestHeaders:
    def test_a_page_allows_no_inline_script_and_no_framing(self, visitor):
        answer = visitor.get("/pages/a/")
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"

    def test_an_error_page_has_a_policy_too(self, visitor):
        assert "default-src 'none'" in visitor.post("/pages/broken/")["Content-Security-Policy"]


class TestRequestId:
    def test_a_harmless_id_of_the_caller_is_kept(self, visitor):
        assert visitor.get("/pages/a/", headers={"X-Request-Id": "abc-12345678"})["X-Request-Id"] == "abc-12345678"

    @pytest.mark.parametrize("given", ["short", "a" * 65, "abc 12345678", "<script>alert"])
    def test_any_other_id_is_replaced(self, visitor, given):
        assert visitor.get("/pages/a/", headers={"X-Request-Id": given})["X-Request-Id"] != given


def test_nobody_is_the_actor_of_a_request_without_sign_in(visitor):
    assert visitor.get("/pages/a/").content == b"a for nobody"
    assert rls.current_actor() == ""


def test_an_api_key_of_a_browser_with_a_session_counts_alone(alice):
    visitor = session_of(alice)
    assert alice.pk in visitor.get("/pages/a/").content.decode()
    with_key = visitor.get("/pages/a/", headers={"Authorization": "Bearer api_x"})
    assert with_key.content == b"a for nobody"


def test_a_problem_document_has_the_members_of_rfc_9457():
    request = RequestFactory().get("/api/x")
    body = json.loads(server_error(request).content)
    assert {"type", "title", "status", "detail", "code", "hint", "retryable"} <= set(body)
