import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.controlplane.api_for_tests")]

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


ADDRESSES = [
    "/pages/%00/",
    "/pages/a?q=%00",
    "/pages/a?%00=q",
    "/pages/a?q=%ff",
    "/pages/a?q=%ed%a0%80",
    "/pages/99999999999999999999/",
    "/pages/-9223372036854775809/",
    "/pages/a/?page=9223372036854775808",
    "/pages/" + "9" * 5000 + "/",
    "/pages/a/?q=" + "a" * 9000,
]


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_an_address_that_nothing_here_can_mean_is_400(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/")


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_the_api_answers_the_same_as_a_problem(visitor, address):
    answer = visitor.get("/api/v1" + address)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"a=%00", b"%00=a", b"a=%ff", b"a=\xff", b"a=\0", b"a=%ed%a0%80"])
def test_a_form_that_nothing_here_can_mean_is_400(visitor, body):
    assert visitor.post("/pages/a/", body, content_type=FORM).status_code == 400


def test_a_nul_in_an_upload_form_is_400(visitor):
    assert visitor.post("/pages/a/", {"name": "a\0"}).status_code == 400


def test_a_cookie_that_spells_nul_is_400_and_never_reaches_the_sessions(visitor):
    answer = visitor.get("/pages/a/", headers={"Cookie": 'portal="\\000"'})
    assert answer.status_code == 400


def test_an_oversized_form_is_400(visitor):
    assert visitor.post("/pages/a/", b"a=" + b"a" * 1_100_000, content_type=FORM).status_code == 400


@pytest.mark.parametrize("length", ["x", "-1", "²", "1" * 30])
def test_a_wrong_content_length_is_400(visitor, length):
    assert visitor.generic("POST", "/pages/a/", b"a=1", content_type=FORM, CONTENT_LENGTH=length).status_code == 400


def test_a_providers_answer_may_hold_long_numbers(visitor):
    assert visitor.get("/sso/answer/a/", {"code": "9" * 30}).status_code == 200


@pytest.mark.parametrize("address", ["/pages/ä/?q=ä", "/pages/1/?page=123", "/pages/a/?q=0&q=%F0%9F%98%80"])
def test_ordinary_input_passes(visitor, address):
    assert visitor.get(address).status_code == 200
