"""Tokens in the form of Wazuh 5's own agents, wrapped around ours."""

import base64
import datetime as dt
import io
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from controlplane import rls
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.tokens import actions, native
from tenants.provisioning.models import Cell, Tenant
from tests.cast import session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, stored
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def tenant5(running):
    """Runs Wazuh 5, in a cell that says whom agents are to trust."""
    with rls.acting_as(f"org:{running.organization_id}"):
        Tenant.objects.filter(pk=running.pk).update(spec={**running.spec, "version": "5.0.0"})
    Cell.objects.update(agent_ca=CA)
    return fresh(running)


@pytest.fixture
def make(tenant5, alice_acts):
    def made():
        with rls.acting_as(alice_acts.rls_actor):
            return actions.create_token(by=alice_acts, tenant=tenant5, name="Servers")

    return made


def opened(text: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_key_is_made_of_the_secret_as_the_vectors_of_wazuh_have_it():
    expected = "5da72b786a15757caa8d825a74a3474c3f15b048fd1064b49863ffc715a95860"
    assert native.derived_key(bytes(range(0x10, 0x20))).hex() == expected


def test_a_wrapped_token_names_the_edge_its_authority_and_the_token_and_the_edge_gets_its_key_alone(make, edge):
    token, secret = make()
    wrapped = opened(native.wrapped(token, secret))
    assert list(wrapped) == ["ver", "adr", "ca", "key"]
    assert (wrapped["ver"], wrapped["adr"], wrapped["ca"]) == (1, f"edge.test:80/wazuh/{token.tenant_id}", CA)
    key = base64.urlsafe_b64decode(str(wrapped["key"]) + "=")
    assert (key[:16], len(key)) == (token.pk.encode() + bytes(6), 32)
    deliver()
    known = edge.tokens[token.tenant_id, token.pk]
    assert known["wazuh5_key"] == native.derived_key(key[16:]).hex() == native.key_of(secret)


def test_nothing_of_it_stays_in_the_portal_once_the_edge_has_it_or_never_will(make, edge):
    taken, refused = make()[0], make()[0]
    with all_rows():
        sealed = EnrollmentToken.objects.extra(select={"raw": "wazuh5_key"}).get(pk=taken.pk).raw
    assert sealed
    assert stored(taken).wazuh5_key not in sealed
    edge.fail_next(refused.pk, refusal(409, "TOKEN_CONFLICT"))
    deliver()
    assert [stored(each).wazuh5_key for each in (taken, refused)] == ["", ""]


def test_it_is_shown_once_in_the_portal_and_by_api_and_only_where_agents_of_wazuh_5_are_taken(
    api, alice, tenant5, make_token, edge
):
    portal = session_of(alice)
    made = api.post(f"tenants/{tenant5.pk}/tokens", {"name": "Laptops"}).json()
    assert opened(made["wazuh5_token"])["ver"] == 1
    page = portal.post(
        f"/t/{tenant5.pk}/tokens/new/", {"name": "Desktops", "expires_in": "30", "max_uses": "5"}
    ).content.decode()
    assert "WAZUH_ENROLLMENT_TOKEN" in page
    assert 'id="wazuh5-token"' not in portal.get(f"/t/{tenant5.pk}/tokens/{made['id']}/").content.decode()
    Cell.objects.update(agent_ca="")
    assert api.post(f"tenants/{tenant5.pk}/tokens", {"name": "Untrusted"}).json()["wazuh5_token"] == ""
    older, secret = make_token()  # of a row that was read while the tenant ran Wazuh 4
    assert (native.wrapped(older, secret), older.wazuh5_key) == ("", "")


def authority(*, is_ca: bool) -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Edge")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_cell_takes_the_authority_of_its_edge_and_nothing_else(cell, tmp_path):
    given = {
        "id": "lo",
        "base_url": "http://edge.test",
        "dashboard_zone": "d.test",
        "runtime": "docker",
        "versions": "5",
    }
    pem = tmp_path / "ca.pem"
    pem.write_bytes(authority(is_ca=True))
    call_command("create_cell", **given, agent_ca=pem, stdout=io.StringIO())
    call_command("create_cell", **given, stdout=io.StringIO())
    assert Cell.objects.get().agent_ca == pem.read_text()
    for wrong in (authority(is_ca=False), b"no certificate", pem.read_bytes() * 2):
        pem.write_bytes(wrong)
        with pytest.raises(CommandError):
            call_command("create_cell", **given, agent_ca=pem, stdout=io.StringIO())
