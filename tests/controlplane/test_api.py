import base64
import json
import threading

import pytest
from django.db import connection
from django.test import Client

from controlplane import rls
from controlplane.models import AuditEntry, Message, RememberedAnswer
from tests.database import all_rows

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.controlplane.api_for_tests")]

THINGS = "/api/v1/things"


@pytest.fixture
def api():
    return Client(raise_request_exception=False, headers={"Authorization": "Test alice key_1"})


def post(api, body, key=None, path=THINGS, **headers):
    headers = {**({"Idempotency-Key": key} if key else {}), **headers}
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return api.post(path, text, content_type="application/json", headers=headers)


def cursor_at(moment: str) -> str:
    """A cursor of our form at a moment that we never wrote."""
    return base64.urlsafe_b64encode(json.dumps(["older", moment, "x"]).encode()).decode().rstrip("=")


def things() -> int:
    with all_rows():
        return Message.objects.filter(topic="thing").count()


def test_a_problem_names_code_field_and_what_to_do(api):
    answer = post(api, {"name": "x" * 21, "plan": {"agents": 0}})
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "INVALID"
    assert [error["field"] for error in body["errors"]] == ["name", "plan.agents"]
    assert "Nothing was changed" in body["hint"]
    assert body["request_id"] == answer["X-Request-Id"]


def test_a_missing_sign_in_is_401_and_says_how(api):
    answer = Client().get(THINGS)
    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_AUTHENTICATED")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_wrong_method_is_405_json(api):
    answer = api.delete(THINGS)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_an_unknown_address_is_404_json(api):
    for path in ("/api/", "/api/v1/none", "/api/v1/things/"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_another_media_type_is_415_json(api):
    answer = api.post(THINGS, "<a/>", content_type="text/xml")
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_an_unexpected_error_is_500_json_without_its_text_and_keeps_nothing(api):
    answer = post(api, {"name": "broken"})
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.content.decode()
    assert things() == 0


def test_a_problem_rolls_back_what_the_request_wrote(api):
    answer = post(api, {"name": "conflict"}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "EXISTS")
    assert things() == 0


def test_a_refused_action_stays_in_the_audit_after_the_rollback(api):
    assert post(api, {}, path="/api/v1/refusals").status_code == 403
    with all_rows():
        assert not Message.objects.exists()
        entry = AuditEntry.objects.get()
    assert (entry.organization_id, entry.action, entry.refused) == ("org_a", "test.thing.make", True)
    assert entry.actor["key"] == "alice/key_1"


class TestIdempotency:
    def test_the_same_key_and_body_get_the_same_answer_and_one_effect(self, api):
        first = post(api, {"name": "a", "plan": {"agents": 1}}, key="once")
        again = post(api, '{"plan":{"agents":1},   "name":"a"}', key="once")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert first["Location"] == again["Location"]
        assert again["Idempotent-Replayed"] == "true"
        assert things() == 1

    def test_the_same_key_with_another_body_is_422(self, api):
        post(api, {"name": "a"}, key="once")
        answer = post(api, {"name": "b"}, key="once")
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert things() == 1

    def test_a_failed_request_leaves_its_key_free(self, api):
        assert post(api, {"name": "conflict"}, key="once").status_code == 409
        assert post(api, {"name": "a"}, key="once").status_code == 201

    def test_a_key_belongs_to_the_credential_that_used_it(self, api):
        other = Client(headers={"Authorization": "Test bob key_2"})
        assert post(api, {"name": "a"}, key="once").json() != post(other, {"name": "a"}, key="once").json()
        assert things() == 2

    def test_a_secret_in_a_kept_answer_is_encrypted(self, api):
        post(api, {"name": "a"}, key="once")
        with all_rows(), connection.cursor() as cursor:
            cursor.execute("SELECT body FROM controlplane_rememberedanswer")
            (stored,) = cursor.fetchone()
        assert "shown-once" not in stored

    @pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
    def test_a_key_of_another_form_is_400(self, api, key):
        answer = api.post(THINGS, "{}", content_type="application/json", headers={"Idempotency-Key": key})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"

    @pytest.mark.django_db(transaction=True)
    def test_racing_repetitions_have_one_effect(self, api):
        answers = []

        def send():
            answers.append(post(Client(headers={"Authorization": "Test alice key_1"}), {"name": "a"}, key="race"))
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert things() == 1
        with all_rows():
            assert RememberedAnswer.objects.count() == 1


MALFORMED = [
    b'{"name":"a\\u0000"}',
    b'{"name":"\\ud800"}',
    b'{"\\ud800":1}',
    b'{"name":"a","plan":{"agents":9223372036854775808}}',
    b'{"name":"a","plan":{"agents":-9223372036854775809}}',
    b'{"name":"a","plan":{"agents":' + b"9" * 5000 + b"}}",
    b'{"name":NaN}',
    b'{"name":1e999999}',
    b'{"name":Infinity}',
    b'{"name":"a","name":"b"}',
    b"[]",
    b"null",
    b"",
    b"{",
    b'{"name":"\xff"}',
    b"[" * 100_000,
    b'{"a":' * 100 + b"1" + b"}" * 100,
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_body_is_400_and_never_500(api, body):
    answer = post(api, body)
    assert answer.status_code in (400, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_an_oversized_body_is_400(api):
    answer = post(api, b'{"name":"' + b"a" * 1_100_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (400, "TOO_LARGE")


class TestPages:
    @pytest.fixture(autouse=True)
    def _rows(self):
        with all_rows():
            for number in range(7):
                Message.objects.create(topic="thing", key=f"{number}", organization_id="org_a", payload={})

    def test_a_list_is_read_page_by_page_newest_first(self, api):
        seen, cursor = [], ""
        while cursor is not None:
            page = api.get(THINGS, {"limit": 3, "cursor": cursor}).json()
            seen += page["results"]
            cursor = page["next"]
        assert seen == ["6", "5", "4", "3", "2", "1", "0"]

    def test_a_page_leads_back_to_the_one_before(self, api):
        first = api.get(THINGS, {"limit": 3}).json()
        second = api.get(THINGS, {"limit": 3, "cursor": first["next"]}).json()
        back = api.get(THINGS, {"limit": 3, "cursor": second["previous"]}).json()
        assert back["results"] == first["results"]
        assert back["previous"] is None

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "x"},
            {"limit": "²"},
            {"cursor": "x"},
            {"cursor": cursor_at("0001-01-01T00:00:00+23:59")},
            {"cursor": cursor_at("9999-12-31T23:59:59-16:00")},
            {"cursor": cursor_at("2026-01-01T00:00:00")},
        ],
    )
    def test_a_wrong_page_is_400_and_names_the_parameter(self, api, query):
        answer = api.get(THINGS, query)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] in query

    @pytest.mark.postgres
    def test_another_organizations_rows_are_no_part_of_it(self, api):
        with all_rows():
            Message.objects.create(topic="thing", key="canary", organization_id="org_b", payload={})
        assert "canary" not in api.get(THINGS).json()["results"]


def test_every_answer_tells_what_is_left_of_the_budget(api, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    first = api.get(THINGS)
    assert first["RateLimit"].startswith('"default";r=1;t=')
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    api.get(THINGS)
    refused = api.get(THINGS)
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(refused["Retry-After"]) <= 60
    other = Client(headers={"Authorization": "Test bob key_2"})
    assert other.get(THINGS).status_code == 200


def test_no_answer_may_be_stored_by_anybody_between(api):
    assert api.get(THINGS)["Cache-Control"] == "no-store"


def test_the_actor_is_forgotten_after_the_request(api):
    api.get(THINGS)
    assert rls.current_actor() == ""
