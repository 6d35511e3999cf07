"""External ids: a provisioning tool finds again what it made, and an MSP counts by itself over all its clients."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_tenant_is_found_by_what_the_tool_calls_it(api, acme):
    body = {"organization": acme.pk, "name": "Office", "external_id": "crm-17"}
    made = api.post("tenants", body).json()["tenant"]
    api.post("tenants", {"organization": acme.pk, "name": "Branch"})
    found = api.get("tenants", external_id="crm-17").json()["results"]
    assert [each["id"] for each in found] == [made["id"]]
    assert found[0]["external_id"] == "crm-17"


def test_an_id_is_used_once_and_free_again_when_given_up(api, acme, running):
    path = f"tenants/{running.pk}"
    assert api.send("PATCH", path, {"external_id": "crm-17"}).status_code == 200
    taken = api.post("tenants", {"organization": acme.pk, "name": "Branch", "external_id": "crm-17"})
    assert (taken.status_code, taken.json()["code"]) == (409, "EXTERNAL_ID_TAKEN")
    assert api.get("tenants", name="Branch").json()["results"] == [], "nothing of the refused one is left"
    api.send("PATCH", path, {"external_id": ""})
    assert api.post("tenants", {"organization": acme.pk, "name": "Branch", "external_id": "crm-17"}).status_code == 202


@pytest.mark.parametrize("external_id", ["a b", "ä", "x" * 129])
def test_an_id_that_no_address_could_hold_is_refused(api, acme, external_id):
    answer = api.post("tenants", {"organization": acme.pk, "name": "Office", "external_id": external_id})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "external_id")


def test_an_msp_numbers_over_all_its_clients_and_a_client_by_itself(program_of, paula, msp, api, acme, running):
    staff, tenant = program_of(paula, msp), f"tenants/{running.pk}"
    assert staff.send("PATCH", tenant, {"external_id": "1"}).status_code == 200
    other = staff.post("organizations", {"msp": msp.pk, "name": "Beta"}).json()
    again = staff.post("tenants", {"organization": other["id"], "name": "Office", "external_id": "1"})
    assert (again.status_code, again.json()["code"]) == (409, "EXTERNAL_ID_TAKEN")
    by_itself = api.post("tenants", {"organization": acme.pk, "name": "Branch", "external_id": "1"})
    assert by_itself.status_code == 202, "a client's numbering is none of its MSP's"
    overwritten = api.send("PATCH", tenant, {"external_id": "2"})
    assert (overwritten.status_code, overwritten.json()["code"]) == (403, "FORBIDDEN")


def test_an_msp_finds_a_client_by_its_own_number(program_of, paula, msp, cell, edge):
    staff = program_of(paula, msp)
    made = staff.post("organizations", {"msp": msp.pk, "name": "Beta", "external_id": "B-1"})
    assert (made.status_code, made.json()["external_id"]) == (201, "B-1")
    twice = staff.post("organizations", {"msp": msp.pk, "name": "Gamma", "external_id": "B-1"})
    assert (twice.status_code, twice.json()["code"]) == (409, "EXTERNAL_ID_TAKEN")
    found = staff.get("organizations", msp=msp.pk, external_id="B-1").json()["results"]
    assert [each["name"] for each in found] == ["Beta"]
    renamed = staff.send("PATCH", f"organizations/{made.json()['id']}", {"external_id": "B-2"})
    assert (renamed.status_code, renamed.json()["external_id"]) == (200, "B-2")
    assert staff.get("organizations", msp=msp.pk, external_id="B-1").json()["results"] == []


def test_a_client_can_not_say_what_its_msp_calls_it(api, acme):
    answer = api.send("PATCH", f"organizations/{acme.pk}", {"external_id": "mine"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "external_id")


def test_the_id_of_a_client_that_has_left_is_free(program_of, paula, msp, alice, acme, cell, edge):
    staff, own = program_of(paula, msp), program_of(alice, acme)
    assert staff.send("PATCH", f"organizations/{acme.pk}", {"external_id": "B-1"}).status_code == 200
    assert own.get(f"organizations/{acme.pk}").json()["external_id"] == "", "an MSP's ids are its own"
    grant = own.get(f"organizations/{acme.pk}/grants").json()["results"][0]["id"]
    assert own.send("DELETE", f"grants/{grant}").status_code == 200
    assert staff.post("organizations", {"msp": msp.pk, "name": "Beta", "external_id": "B-1"}).status_code == 201
