"""What of a tenant's events somebody wants to see is said by the address, and left out by the edge."""

import pytest

from tenants.access import queries
from tenants.access.choosing import SHOWN_KINDS, Choice
from tests.cast import session_of

CURRENT = "current"


def chosen(**query: str) -> Choice:
    return Choice.read(query)


def test_nothing_chosen_is_everything_but_signs_of_life():
    assert chosen().kinds == SHOWN_KINDS
    assert "heartbeat" not in SHOWN_KINDS
    assert (chosen().narrow, chosen().query) == ({}, "")


@pytest.mark.parametrize(
    "query", [{"kind": "none"}, {"level": "9"}, {"level": "-1"}, {"agent": "a b"}, {"agent": "x" * 65}]
)
def test_what_there_is_not_counts_as_not_chosen(query):
    assert chosen(**query) == Choice()


def test_a_level_or_an_agent_is_about_alerts_whatever_kind_was_chosen():
    assert chosen(kind="audit", level="12") == Choice("alert", 12)
    assert chosen(agent="004").narrow == {"agent": "004"}
    assert chosen(agent="004").kinds == ("alert",)


def test_the_address_says_the_choice_and_is_read_back():
    choice = Choice("alert", 7, "004")
    assert Choice.read(dict(pair.split("=") for pair in choice.query.split("&"))) == choice


def test_a_chip_that_is_chosen_takes_itself_back():
    chips = {chip["label"]: chip for chip in chosen(level="7", agent="004").chips}
    assert [label for label, chip in chips.items() if chip[CURRENT]] == ["Level 7 and up", "Agent 004"]
    assert chips["Level 7 and up"]["url"] == "?kind=alert&agent=004"
    assert chips["Agent 004"]["url"] == "?kind=alert&level=7"
    assert chips["Level 12 and up"]["url"] == "?kind=alert&level=12&agent=004"


@pytest.mark.django_db
def test_page_and_tail_ask_the_edge_for_what_was_chosen_alone(running, alice, monkeypatch):
    asked = []

    def read(_, **query):
        asked.append({name: query.get(name) for name in ("kinds", "min_level", "agent")})
        return {"events": [], "next": 9, "more": False, "oldest": 1, "latest": 9}

    monkeypatch.setattr(queries.EventLog, "read", read)
    browser = session_of(alice)
    page = browser.get(f"/t/{running.pk}/events/?level=12&agent=004")
    assert "kind=alert&amp;level=12&amp;agent=004" in page.content.decode()
    assert "Nothing of what you chose is there" in page.content.decode()
    browser.get(f"/t/{running.pk}/events/tail/?after=3&kind=alert&level=12&agent=004")
    assert asked
    assert all(each == {"kinds": ("alert",), "min_level": 12, "agent": "004"} for each in asked)
