"""Files of content: kept in versions, inherited from providers and organizations, overridden and left out."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from organizations.models import ClientRole, Grant, Membership, Organization, User
from organizations.permissions import OF_TENANTS
from tenants.content import actions, queries
from tenants.content.models import ContentFile, ContentVersion
from tenants.content.problems import ChangedMeanwhile, ContentNotFound, FileExists, InvalidContent
from tenants.content.reading import CEILINGS
from tenants.provisioning.actions import create
from tests.cast import actor_for, found, found_client, join, person
from tests.database import all_rows

pytestmark = pytest.mark.django_db

LIST = "alice:admin\n"


def rule(number: int, words: str = "x") -> str:
    return f'<group name="acme,">\n<rule id="{number}" level="5"><match>{words}</match></rule>\n</group>\n'


@pytest.fixture
def as_alice(alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        yield alice_acts


def keep(by, acme, name="admins", text=LIST, kind="lists", **more) -> ContentVersion:
    return actions.create(by=by, organization=acme, kind=kind, name=name, text=text, **more)


def counted(by, tenant) -> dict[str, tuple[str, str | None]]:
    """Name → the level it comes from, and its text."""
    with rls.acting_as(by.rls_actor):
        found = queries.effective_for(by, tenant)
    return {each.given.name: (each.source.level.value, each.given.text) for each in found if not each.left_out}


def told(organization_id: str) -> list[str]:
    with all_rows():
        entries = AuditEntry.objects.filter(organization_id=organization_id, action__startswith="tenants.content.")
        return list(entries.order_by("position").values_list("action", flat=True))


def test_each_change_is_a_version_that_stays(as_alice, acme):
    first = keep(as_alice, acme, note="who may")
    second = actions.save(by=as_alice, file=first.file, text="bob:admin\n", based_on=1)
    assert (second.number, second.text, second.created_by) == (2, "bob:admin\n", as_alice.user_id)
    assert queries.version(as_alice, first.file, 1).text == LIST
    assert told(acme.pk) == ["tenants.content.save", "tenants.content.save"]


def test_saving_what_is_there_already_makes_no_version(as_alice, acme):
    first = keep(as_alice, acme)
    assert actions.save(by=as_alice, file=first.file, text=LIST.replace("\n", "\r\n")).number == 1


def test_who_changed_an_older_version_is_told_and_nothing_is_lost(as_alice, acme):
    file = keep(as_alice, acme).file
    actions.save(by=as_alice, file=file, text="bob:\n")
    with pytest.raises(ChangedMeanwhile):
        actions.save(by=as_alice, file=file, text="eve:\n", based_on=1)
    assert queries.versions_of(as_alice, file).count() == 2


def test_a_name_is_taken_once_a_level(as_alice, acme, tenant):
    file = keep(as_alice, acme).file
    keep(as_alice, acme, tenant=tenant)
    with pytest.raises(FileExists) as refused:
        keep(as_alice, acme)
    assert file.pk in refused.value.detail


def test_faults_are_told_with_the_files_name_and_line(as_alice, acme):
    with pytest.raises(InvalidContent) as refused:
        keep(as_alice, acme, text="a:\nnobody\n")
    assert refused.value.errors[0].message.startswith("admins: Line 2: ")
    assert not ContentFile.objects.exists()


def test_a_rules_id_that_another_file_has_is_refused_when_it_is_saved(as_alice, acme):
    keep(as_alice, acme, name="a.xml", text=rule(100100), kind="rules")
    with pytest.raises(InvalidContent, match=r"stands in a\.xml as well"):
        keep(as_alice, acme, name="b.xml", text=rule(100100), kind="rules")


def test_a_tenants_own_file_counts_there_and_nowhere_else(as_alice, acme, new_tenant):
    office, plant = new_tenant("Office")[0], new_tenant("Plant")[0]
    keep(as_alice, acme)
    keep(as_alice, acme, text="carol:\n", tenant=office)
    assert counted(as_alice, office) == {"admins": ("tenant", "carol:\n")}
    assert counted(as_alice, plant) == {"admins": ("organization", LIST)}


def test_what_is_left_out_does_not_count_and_comes_back_when_that_is_withdrawn(as_alice, acme, tenant):
    keep(as_alice, acme)
    left_out = keep(as_alice, acme, text=None, tenant=tenant)
    assert counted(as_alice, tenant) == {}
    actions.withdraw(by=as_alice, file=left_out.file)
    assert counted(as_alice, tenant) == {"admins": ("organization", LIST)}
    assert told(acme.pk) == ["tenants.content.save", "tenants.content.leave_out", "tenants.content.withdraw"]


def test_a_withdrawn_file_keeps_its_versions_and_can_be_taken_up_again(as_alice, acme, tenant):
    file = actions.withdraw(by=as_alice, file=keep(as_alice, acme).file)
    assert counted(as_alice, tenant) == {}
    again = keep(as_alice, acme, text="bob:\n")
    assert (again.file_id, again.number) == (file.pk, 2)


class TestProviders:
    """Northwatch is a provider of Acme."""

    @pytest.fixture
    def petra_acts(self, db):
        return actor_for(person("petra"))

    @pytest.fixture
    def msp(self, petra_acts) -> Organization:
        with all_rows():
            return found(User.objects.get(pk=petra_acts.user_id), "Northwatch", kind="msp")

    @pytest.fixture
    def client(self, msp, petra_acts, alice) -> Organization:
        with all_rows():
            return found_client(msp, User.objects.get(pk=petra_acts.user_id), alice, "Client")

    @pytest.fixture
    def client_tenant(self, client, alice_acts, cell):
        with rls.acting_as(alice_acts.rls_actor):
            return create(by=alice_acts, organization=client, name="Shop")[0]

    def hand_down(self, petra_acts, msp, text: str = LIST) -> None:
        with rls.acting_as(petra_acts.rls_actor):
            keep(petra_acts, msp, text=text)

    def test_a_client_inherits_what_its_provider_has_and_sees_from_whom(
        self, petra_acts, msp, client_tenant, alice_acts
    ):
        self.hand_down(petra_acts, msp)
        assert counted(alice_acts, client_tenant) == {"admins": ("provider", LIST)}
        with rls.acting_as(alice_acts.rls_actor):
            assert queries.effective_for(alice_acts, client_tenant)[0].source.name == "Northwatch"

    def test_the_clients_own_is_nearer(self, petra_acts, msp, client, client_tenant, alice_acts):
        self.hand_down(petra_acts, msp)
        with rls.acting_as(alice_acts.rls_actor):
            keep(alice_acts, client, text="own:\n")
        assert counted(alice_acts, client_tenant) == {"admins": ("organization", "own:\n")}

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "withdrawn"},
            {"ends_at": timezone.now() - dt.timedelta(days=1)},
            {"role_ceiling": "viewer"},
            {"review_at": timezone.now() - dt.timedelta(days=31)},
        ],
        ids=["withdrawn", "ended", "may only look", "never reviewed"],
    )
    def test_nothing_comes_from_a_provider_that_may_not_operate_there(
        self, petra_acts, msp, client, client_tenant, alice_acts, change
    ):
        self.hand_down(petra_acts, msp)
        with all_rows():
            Grant.objects.filter(client=client).update(**change)
        assert counted(alice_acts, client_tenant) == {}

    def test_a_client_can_not_open_its_providers_file(self, petra_acts, msp, client, alice_acts):
        self.hand_down(petra_acts, msp)
        with all_rows():
            file = ContentFile.objects.get()
        with rls.acting_as(alice_acts.rls_actor), pytest.raises(ContentNotFound):
            queries.find(alice_acts, file.pk)

    def test_a_stranger_inherits_nothing(self, petra_acts, msp, tenant, alice_acts):
        self.hand_down(petra_acts, msp)
        assert counted(alice_acts, tenant) == {}

    def test_who_is_limited_to_some_clients_writes_nothing_for_all(self, msp, petra_acts, client):
        mona = person("mona")
        with all_rows():
            join(msp, invited_by=User.objects.get(pk=petra_acts.user_id), user=mona, role="operator")
        with all_rows():
            ClientRole.objects.create(
                organization=msp,
                membership=Membership.objects.get(user=mona, organization=msp),
                role="operator",
                reach="only",
                clients=[client.pk],
            )
        acts = actor_for(mona)
        with rls.acting_as(acts.rls_actor), pytest.raises(Forbidden):
            keep(acts, msp)


def test_only_roles_that_operate_tenants_let_a_provider_hand_down():
    assert CEILINGS == ["admin", "operator", "owner"]


class TestApi:
    def test_a_file_goes_from_first_to_next_version(self, api, acme):
        body = {"kind": "lists", "name": "admins", "text": LIST}
        made = api.post(f"organizations/{acme.pk}/content-files", body)
        assert made.status_code == 201
        where = f"content-files/{made.json()['id']}"
        assert made["Location"] == f"/api/v1/{where}"
        saved = api.post(f"{where}/versions", {"text": "bob:\n", "note": "Bob too", "based_on": 1})
        assert (saved.status_code, saved.json()["number"]) == (201, 2)
        listed = api.get(f"{where}/versions").json()["results"]
        assert [(each["number"], each["text"], each["note"]) for each in listed] == [
            (2, "bob:\n", "Bob too"),
            (1, LIST, ""),
        ]
        assert api.get(f"{where}/versions/1").json()["text"] == LIST
        assert api.get(f"organizations/{acme.pk}/content").json()["files"][0]["version"] == 2
        assert api.send("DELETE", where).json()["withdrawn_at"]
        assert api.get(f"organizations/{acme.pk}/content").json()["files"] == []

    def test_a_fault_names_the_field_and_the_line(self, api, acme):
        body = {"kind": "rules", "name": "a.xml", "text": rule(5)}
        refused = api.post(f"organizations/{acme.pk}/content-files", body)
        assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_CONTENT")
        assert refused.json()["errors"][0]["field"] == "text"
        assert "a.xml: Line 2" in refused.json()["errors"][0]["message"]

    def test_a_tenants_content_is_told_with_what_would_change(self, api, acme, running):
        place = f"organizations/{acme.pk}/content-files"
        api.post(place, {"kind": "lists", "name": "admins", "text": LIST})
        api.post(place, {"kind": "lists", "name": "guests", "text": LIST})
        own = api.post(f"tenants/{running.pk}/content-files", {"kind": "lists", "name": "guests", "text": None})
        assert own.status_code == 201
        told = api.get(f"tenants/{running.pk}/content").json()
        assert [(each["name"], each["left_out"], each["owner"]["level"]) for each in told["files"]] == [
            ("admins", False, "organization"),
            ("guests", True, "tenant"),
        ]
        assert [(each["name"], each["change"]) for each in told["changes"]] == [("admins", "added")]
        assert (told["wanted"], told["applied"], told["error"]) == (None, None, None)

    def test_a_key_for_one_tenant_changes_nothing_that_others_inherit(
        self, program_of, alice, acme, running, edge, new_tenant
    ):
        other = new_tenant("Plant")[0]
        limited = program_of(alice, acme, OF_TENANTS, tenant_ids=[running.pk])
        body = {"kind": "lists", "name": "admins", "text": LIST}
        assert limited.post(f"organizations/{acme.pk}/content-files", body).status_code == 403
        assert limited.post(f"tenants/{other.pk}/content-files", body).status_code == 404
        made = limited.post(f"tenants/{running.pk}/content-files", body)
        assert made.status_code == 201
        foreign = program_of(alice, acme, OF_TENANTS, tenant_ids=[other.pk])
        assert foreign.get(f"content-files/{made.json()['id']}").status_code == 404

    def test_strangers_find_nothing(self, api, outsider, acme, running):
        body = {"kind": "lists", "name": "admins", "text": LIST}
        made = api.post(f"tenants/{running.pk}/content-files", body).json()["id"]
        assert outsider.get(f"content-files/{made}").status_code == 404
        assert outsider.post(f"content-files/{made}/versions", {"text": "x:"}).status_code == 404
