"""If-Match: nobody changes over somebody else's head, and what changes by itself is in nobody's way."""

import json
from collections.abc import Callable

import pytest

from tests.isolation.routes import CONTRACTS
from tests.organizations.test_races import at_once
from tests.tenants.conftest import enroll, fresh, read_feed

pytestmark = pytest.mark.django_db

OPERATIONS = json.loads((CONTRACTS / "portal-api.json").read_text())["paths"]


def test_a_change_is_made_to_what_was_read_and_to_nothing_else(api, running):
    path = f"tenants/{running.pk}"
    read = api.get(path)
    changed = api.send("PATCH", path, {"sleep_after_minutes": 30}, **{"If-Match": read["ETag"]})
    assert changed.status_code == 200
    late = api.send("PATCH", path, {"sleep_after_minutes": 60}, **{"If-Match": read["ETag"]})
    assert (late.status_code, late.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert api.get(path).json()["sleep_after_minutes"] == 30
    assert api.get(path)["ETag"] == changed["ETag"] != read["ETag"]


def test_nothing_is_deleted_that_is_not_as_it_was_read(api, running):
    path = f"tenants/{running.pk}"
    api.send("PATCH", path, {"protected": True})
    api.send("PATCH", path, {"protected": False})
    tag = api.get(path)["ETag"]
    api.send("PATCH", path, {"sleep_after_minutes": 30})
    refused = api.send("DELETE", path, {"confirm_name": "Office"}, **{"If-Match": tag})
    assert refused.status_code == 412
    assert fresh(running).requested == "running"


def test_what_changes_by_itself_is_in_nobodys_way(api, running, edge):
    path = f"tenants/{running.pk}"
    before = api.get(path)
    edge.views[running.pk]["agents"] = {"enrolled": 3, "active": 1}
    edge.publish(running.pk)
    read_feed()
    after = api.get(path)
    assert after.json()["agents"] != before.json()["agents"]
    assert after["ETag"] == before["ETag"]


def test_an_agent_that_joins_is_not_in_the_way_of_renaming_its_token(api, running, make_token, edge):
    token, _ = make_token()
    path = f"tenants/{running.pk}/tokens/{token.pk}"
    before = api.get(path)
    enroll(edge, token)
    after = api.get(path)
    assert (before.json()["uses"], after.json()["uses"], after["ETag"]) == (0, 1, before["ETag"])
    renamed = api.send("PATCH", path, {"name": "Web"}, **{"If-Match": before["ETag"]})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Web")
    assert api.send("DELETE", path, **{"If-Match": before["ETag"]}).status_code == 412


@pytest.mark.parametrize(("tag", "status"), [("*", 200), ('"other", {}', 200), ("W/{}", 412), ("{", 412), ("", 412)])
def test_a_condition_is_read_as_the_standard_says(api, running, tag, status):
    path = f"tenants/{running.pk}"
    condition = tag.replace("{}", api.get(path)["ETag"])
    answer = api.send("PATCH", path, {"protected": True}, **{"If-Match": condition})
    assert answer.status_code == status


def test_a_condition_that_can_not_be_met_here_is_refused_and_not_passed_over(api, acme):
    path = f"organizations/{acme.pk}/access-requests/req_x"
    answer = api.send("DELETE", path, **{"If-Match": "*"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "If-Match")


def test_a_stranger_learns_nothing_by_a_condition(outsider, running):
    answer = outsider.send("PATCH", f"tenants/{running.pk}", {"protected": True}, **{"If-Match": "*"})
    assert answer.status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_who_read_the_same_one_changes_it(api, running):
    path = f"tenants/{running.pk}"
    tag = api.get(path)["ETag"]

    def change_to(minutes: int) -> Callable[[], int]:
        body, headers = {"sleep_after_minutes": minutes}, {"If-Match": tag}
        return lambda: api.send("PATCH", path, body, **headers).status_code

    assert sorted(at_once(change_to(30), change_to(60))) == [200, 412]


@pytest.mark.parametrize(
    ("path", "verb"),
    [
        (path, verb)
        for path, verbs in OPERATIONS.items()
        for verb in ("patch", "put")
        if verb in verbs and "get" in verbs
    ],
)
def test_a_changed_things_tag_is_that_of_the_next_answer(path, verb):
    answers = (OPERATIONS[path][each]["responses"]["200"]["content"]["application/json"] for each in ("get", verb))
    forms = [answer["schema"] for answer in answers]
    assert forms[0] == forms[1], "an ETag over another form could never be met"
    described = [OPERATIONS[path][each]["responses"]["200"].get("headers", {}) for each in ("get", verb)]
    assert all("ETag" in each for each in described)
