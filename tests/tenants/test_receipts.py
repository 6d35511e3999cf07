"""What the edge signs: verified when it comes, kept beyond the tenant's life, verifiable by anybody later."""

import json

import httpx
import pytest
from django.core.management import CommandError, call_command

from controlplane import rls
from controlplane.problems import Forbidden, NotFound
from tenants.protection.deletion import actions as deletion
from tenants.protection.receipts import actions, queries
from tenants.protection.receipts.models import Receipt
from tenants.protection.receipts.signatures import NotGenuine, verify
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, read_feed
from tests.tenants.edge import refusal
from tests.tenants.edge_signer import Signer

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(running, alice_acts):
    """Asks for an isolation receipt as alice."""

    def asked() -> Receipt:
        with rls.acting_as(alice_acts.rls_actor):
            return actions.ask_for_isolation_receipt(by=alice_acts, tenant=fresh(running))

    return asked


def stored(receipt: Receipt) -> Receipt:
    with all_rows():
        return Receipt.objects.get(pk=receipt.pk)


def erase(tenant, edge, alice_acts) -> None:
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=tenant, confirm_name="Office")
        deletion.erase(by=alice_acts, tenant=tenant, confirm_name="Office")
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


def test_an_isolation_receipt_is_pending_until_the_edge_has_signed_and_then_verified(ask, running, edge, alice):
    receipt = ask()
    assert receipt.pending
    page = session_of(alice).get(f"/t/{running.pk}/receipts/").content.decode()
    assert "Pending at the edge" in page
    edge.fail_next("isolation-receipt", httpx.ReadTimeout("slow"))
    deliver()
    kept = stored(receipt)
    assert not kept.pending
    assert kept.statement["tenant"] == running.pk
    assert verify(kept.receipt, [kept.key]).statement == kept.statement


def test_an_erasure_is_certified_once_and_its_certificate_outlives_the_tenant(running, edge, alice_acts, alice):
    erase(running, edge, alice_acts)
    edge.fail_next("erasure-certificate", httpx.ConnectError("away"))
    deliver()
    deliver()
    with all_rows():
        (certificate,) = Receipt.objects.filter(tenant=running)
    assert (certificate.kind, fresh(running).status) == ("erasure", "deleted")
    browser = session_of(alice)
    assert "Erasure certificate" in browser.get(f"/t/{running.pk}/receipts/").content.decode()
    shown = browser.get(f"/t/{running.pk}/receipts/{certificate.pk}/").content.decode()
    assert certificate.key["kid"] in shown
    downloaded = browser.get(f"/t/{running.pk}/receipts/{certificate.pk}/file/")
    assert downloaded["Content-Disposition"].startswith("attachment")
    assert downloaded.json()["receipt"] == certificate.receipt


def test_what_another_key_signed_or_what_is_about_another_tenant_is_not_kept(ask, edge):
    receipt = ask()
    genuine, edge.signer = edge.signer, Signer()
    edge.signer.jwk = genuine.jwk
    deliver()
    assert stored(receipt).pending
    edge.signer = genuine
    edge.fail_next("isolation-receipt", httpx.Response(200, json={"receipt": genuine.sign({"tenant": "x" * 26})}))
    with all_rows():
        assert stored(receipt).pending
    for _ in range(2):
        deliver()
    assert not stored(receipt).pending


def test_what_the_edge_will_never_sign_says_so(ask, running, edge, alice):
    receipt = ask()
    edge.fail_next("isolation-receipt", refusal(410, "TENANT_DELETED"))
    deliver()
    assert (stored(receipt).pending, stored(receipt).error["code"]) == (False, "TENANT_DELETED")
    browser = session_of(alice)
    assert "Not signed" in browser.get(f"/t/{running.pk}/receipts/").content.decode()
    assert browser.get(f"/t/{running.pk}/receipts/{receipt.pk}/file/").status_code == 404


def test_who_may_ask_and_of_what(running, tenant, edge, vera, mallory, alice_acts):
    for person, refused in ((vera, Forbidden), (mallory, NotFound)):
        actor = actor_for(person)
        with rls.acting_as(actor.rls_actor), pytest.raises(refused):
            actions.ask_for_isolation_receipt(by=actor, tenant=running)
    erase(running, edge, alice_acts)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        actions.ask_for_isolation_receipt(by=alice_acts, tenant=fresh(running))


def test_receipts_by_api(api, outsider, running):
    asked = api.post(f"tenants/{running.pk}/isolation-receipt")
    assert (asked.status_code, asked.json()["pending"]) == (202, True)
    deliver()
    one = api.get(f"tenants/{running.pk}/receipts/{asked.json()['id']}").json()
    assert (one["pending"], one["statement"]["kind"]) == (False, "isolation")
    assert [each["id"] for each in api.get(f"tenants/{running.pk}/receipts").json()["results"]] == [one["id"]]
    assert outsider.get(f"tenants/{running.pk}/receipts/{one['id']}").status_code == 404


def test_a_downloaded_receipt_is_verified_without_portal_and_edge(ask, edge, tmp_path, capsys):
    receipt = ask()
    deliver()
    file, keys = tmp_path / "receipt.json", tmp_path / "jwks.json"
    file.write_text(json.dumps(queries.as_file(stored(receipt))))
    keys.write_text(json.dumps({"keys": [edge.signer.jwk]}))
    call_command("verify_receipt", str(file), keys=keys)
    assert "Genuine" in capsys.readouterr().out
    keys.write_text(json.dumps({"keys": [Signer("another").jwk]}))
    with pytest.raises(CommandError, match="not among those given"):
        call_command("verify_receipt", str(file), keys=keys)
    keys.write_text(json.dumps({"keys": [Signer().jwk]}))
    with pytest.raises(CommandError, match="does not fit"):
        call_command("verify_receipt", str(file), keys=keys)


def test_only_a_receipt_counts_as_one(edge):
    signer = edge.signer
    with pytest.raises(NotGenuine, match="no receipt"):
        verify(signer.sign({"tenant": "x"}, typ="JWT"), [signer.jwk])
    for text in ("", "a.b.c", "none"):
        with pytest.raises(NotGenuine):
            verify(text, [signer.jwk])
