"""What a request that only reads asks once, and all that ends its memory."""

import pytest
from django.db import connection, transaction

from controlplane import once, rls
from controlplane.models import Marker

pytestmark = pytest.mark.django_db


class Question:
    """Counts how often it was answered."""

    def __init__(self) -> None:
        self.answered = 0

    def ask(self, name: str = "x") -> int:
        return once.ask(("test", name), self._answer)

    def _answer(self) -> int:
        self.answered += 1
        return self.answered


@pytest.fixture
def question() -> Question:
    return Question()


def test_a_question_is_answered_once_in_a_request_that_reads(question):
    with once.remembering("GET"):
        assert [question.ask(), question.ask()] == [1, 1]
        assert question.ask("another") == 2
        list(Marker.objects.all())
        assert question.ask() == 1
    assert question.ask() == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_request_that_may_write_remembers_nothing(question, method):
    with once.remembering(method):
        assert [question.ask(), question.ask()] == [1, 2]


def a_write() -> None:
    Marker.objects.filter(pk="nothing").delete()
    list(Marker.objects.all())


def a_savepoint() -> None:
    with transaction.atomic():
        list(Marker.objects.all())


def a_function() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM controlplane_marker")


@pytest.mark.parametrize("what", [a_write, a_savepoint, a_function])
def test_whatever_may_write_ends_the_memory_for_good(question, what):
    with once.remembering("GET"):
        question.ask()
        what()
        assert [question.ask(), question.ask()] == [2, 3]
        once.begin_anew()
        assert [question.ask(), question.ask()] == [4, 4]


def test_another_actor_of_row_level_security_asks_anew(question):
    with once.remembering("GET"):
        assert question.ask() == 1
        with rls.remembering("org:org_other"):
            assert question.ask() == 2
        assert question.ask() == 1


def test_an_answer_grows_old(question, monkeypatch):
    with once.remembering("GET"):
        question.ask()
        monkeypatch.setattr(once, "LASTS_SECONDS", 0.0)
        assert question.ask() == 2


def test_requests_do_not_share_answers(question):
    for wanted in (1, 2):
        with once.remembering("GET"):
            assert question.ask() == wanted
