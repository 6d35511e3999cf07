"""Which actions need a proof of the last ten minutes that it is the same person: the table, held against the code."""

import time
from dataclasses import replace

import pytest
import respx

from tests.isolation.matrix import MATRIX
from tests.isolation.rules import Rule
from tests.isolation.test_matrix import send
from tests.isolation.world import Visitor, World, world

pytestmark = pytest.mark.sqlite
__all__ = ["world"]

ONE = "/api/v1/organizations/{organization_id}"
CONNECTION = f"{ONE}/connections/{{connection_id}}"
PAGE = "/o/{organization_id}"
OWN = f"{PAGE}/sso/{{connection_id}}"
OIDC = {"issuer": "https://login.example", "client_id": "x", "client_secret": "y"}
SAML = {"entity_id": "x", "sign_in_url": "https://login.example", "certificate": "x"}
INVITED = {"email": "new@example.test", "role": "viewer"}
NAMED = {"confirm_name": "x"}

# What gives power to somebody or something, decides who is let in, or can't be undone; with what is sent to get there.
# None is what the matrix sends.
FRESH: dict[tuple[str, str], dict | None] = {
    # who belongs, and as what
    ("POST", f"{ONE}/invitations"): INVITED,
    ("POST", f"{PAGE}/members/"): {"emails": "new@example.test", "role": "viewer"},
    ("PATCH", f"{ONE}/members/{{membership_id}}"): {"role": "billing"},
    ("POST", f"{PAGE}/members/{{membership_id}}/role/"): {"role": "billing"},
    ("DELETE", f"{ONE}/members/{{membership_id}}"): {},
    ("POST", f"{PAGE}/members/{{membership_id}}/remove/"): {},
    ("POST", f"{ONE}/invitations/{{invitation_id}}/resend"): {},
    ("POST", f"{PAGE}/invitations/{{invitation_id}}/resend/"): {},
    ("POST", f"{ONE}/join-requests/{{join_request_id}}/approve"): {"role": "viewer"},
    ("POST", f"{PAGE}/join-requests/{{join_request_id}}/approve/"): {"role": "viewer"},
    # what a role of one's own may
    ("POST", f"{ONE}/roles"): None,
    ("PATCH", f"{ONE}/roles/{{role_id}}"): None,
    ("DELETE", f"{ONE}/roles/{{role_id}}"): None,
    ("POST", f"{PAGE}/roles/new/"): None,
    ("POST", f"{PAGE}/roles/{{role_id}}/"): None,
    ("POST", f"{PAGE}/roles/{{role_id}}/delete/"): None,
    # what can't be undone to machines
    ("POST", "/api/v1/tenants/{tenant_id}/agent-orders"): {"kind": "remove", "agents": ["001"]},
    ("POST", f"{ONE}/agent-orders"): {
        "kind": "remove",
        "selection": [{"tenant": "{tenant_id}", "agents": ["001"]}],
    },
    ("POST", f"{PAGE}/agent-orders/new/"): {"kind": "remove", "agents": "{tenant_id}:001"},
    ("POST", "/api/v1/tenants/{tenant_id}/moves"): None,
    ("POST", "/t/{tenant_id}/moves/new/"): None,
    ("POST", "/t/{tenant_id}/agent-orders/"): {"kind": "remove", "agents": "001"},
    # where figures of all clients are mailed
    ("POST", f"{ONE}/report-addresses"): None,
    ("POST", f"{PAGE}/reports/addresses/"): None,
    # keys
    ("POST", f"{ONE}/keys"): {"name": "new", "scopes": ["tenant.view"], "expires_in_days": 1},
    ("GET", f"{PAGE}/keys/new/"): {},
    ("POST", f"{PAGE}/keys/new/"): {},
    ("POST", f"{ONE}/keys/{{key_id}}/rotate"): {},
    ("POST", f"{PAGE}/keys/{{key_id}}/rotate/"): {"overlap_hours": "24", "expires_in": "90"},
    ("POST", f"{ONE}/service-accounts"): {"name": "Tickets", "role": "viewer"},
    ("POST", f"{PAGE}/service-accounts/"): {"name": "Tickets", "role": "viewer"},
    # what an MSP may, and whom it lets reach which client
    ("POST", f"{ONE}/access-requests"): None,
    ("POST", f"{ONE}/grants"): None,
    ("POST", f"{ONE}/onboardings"): None,
    ("GET", f"{PAGE}/clients/new/"): {},
    ("POST", f"{PAGE}/clients/new/"): None,
    ("POST", f"{ONE}/client-imports"): None,
    ("GET", f"{PAGE}/clients/imports/"): {},
    ("POST", f"{PAGE}/clients/imports/"): None,
    ("POST", f"{ONE}/client-imports/{{import_id}}/retry"): {},
    ("POST", f"{PAGE}/clients/imports/{{import_id}}/retry/"): {},
    ("POST", f"{PAGE}/access/requests/{{code}}/"): None,
    ("PUT", "/api/v1/grants/{grant_id}/review"): None,
    ("POST", f"{PAGE}/grants/{{grant_id}}/review/"): None,
    ("PUT", f"{ONE}/members/{{membership_id}}/clients"): None,
    ("POST", f"{PAGE}/members/{{membership_id}}/clients/{{set_id}}/remove/"): None,
    ("POST", f"{ONE}/members/{{membership_id}}/offboarding"): None,
    ("POST", f"{PAGE}/members/{{membership_id}}/offboard/"): None,
    ("PATCH", "/api/v1/grants/{grant_id}"): None,
    ("DELETE", "/api/v1/grants/{grant_id}"): {},
    ("POST", f"{PAGE}/grants/{{grant_id}}/withdraw/"): {},
    # what everybody who enters has to meet
    ("PATCH", f"{ONE}/security"): {"idle_minutes": 30},
    ("POST", f"{ONE}/security/sign-out"): {},
    ("POST", f"{PAGE}/security/"): {"idle_minutes": "30"},
    ("POST", f"{PAGE}/security/sign-out/"): {},
    ("POST", f"{PAGE}/security/connections/{{connection_id}}/"): {"trust": "always"},
    # where its public pages are
    ("POST", f"{ONE}/hostnames"): None,
    ("DELETE", f"{ONE}/hostnames/{{hostname_id}}"): {},
    ("POST", f"{PAGE}/brand/hostname/"): None,
    ("POST", f"{PAGE}/brand/hostname/{{hostname_id}}/give-up/"): {},
    # in whose name mails go out
    ("PUT", f"{ONE}/mail-sender"): {},
    ("DELETE", f"{ONE}/mail-sender"): {},
    ("POST", f"{PAGE}/brand/sender/"): {},
    ("POST", f"{PAGE}/brand/sender/give-up/"): {},
    # who is believed to say who somebody is
    ("PATCH", ONE): {"sign_in_policy": "any"},
    ("POST", f"{PAGE}/sso/"): {"policy": "any"},
    ("POST", f"{PAGE}/sso/emergency/"): {},
    ("POST", f"{ONE}/connections"): {"kind": "saml", "name": "new", **SAML},
    ("PATCH", CONNECTION): {"state": "disabled"},
    ("GET", f"{PAGE}/sso/new/oidc/"): {},
    ("POST", f"{PAGE}/sso/new/oidc/"): {},
    ("GET", f"{PAGE}/sso/new/saml/"): {},
    ("POST", f"{PAGE}/sso/new/saml/"): {},
    ("POST", f"{OWN}/turn-on/"): {},
    ("POST", f"{CONNECTION}/refresh"): {},
    ("POST", f"{OWN}/refresh/"): {},
    ("POST", f"{CONNECTION}/certificates"): {"certificate": "x"},
    ("GET", f"{OWN}/renew/"): {},
    ("POST", f"{OWN}/renew/"): {},
    ("GET", f"{OWN}/certificates/"): {},
    ("POST", f"{OWN}/certificates/"): {"certificate": "x"},
    ("DELETE", f"{CONNECTION}/certificates/{{fingerprint}}"): {},
    ("POST", f"{OWN}/certificates/{{fingerprint}}/remove/"): {},
    ("POST", f"{CONNECTION}/own-key"): {},
    ("PUT", f"{CONNECTION}/own-key"): {},
    ("POST", f"{OWN}/own-key/{{step}}/"): {},
    ("POST", f"{OWN}/{{verb}}/"): {},
    ("PATCH", f"{ONE}/domains/{{domain_id}}"): {"enforced": True},
    ("DELETE", f"{ONE}/domains/{{domain_id}}"): {},
    ("POST", f"{PAGE}/domains/{{domain_id}}/use/"): {},
    ("POST", f"{PAGE}/domains/{{domain_id}}/give-up/"): {},
    # whose directory is believed, and who speaks for it
    ("PATCH", f"{CONNECTION}/provisioning"): {"attribute": "userName"},
    ("DELETE", f"{CONNECTION}/provisioning"): {},
    ("POST", f"{CONNECTION}/provisioning/tokens"): {"expires_in_days": 1},
    ("DELETE", f"{CONNECTION}/provisioning/tokens/{{scim_token_id}}"): {},
    ("POST", f"{OWN}/provisioning/"): {"expires_in": "90"},
    ("POST", f"{OWN}/provisioning/subject/"): {"attribute": "userName"},
    ("POST", f"{OWN}/provisioning/stop/"): {},
    ("POST", f"{OWN}/provisioning/tokens/{{scim_token_id}}/revoke/"): {},
    # what carries everything away
    ("GET", f"{ONE}/audit/export"): {},
    ("POST", f"{PAGE}/audit/export/"): {"kind": "csv"},
    ("GET", "/api/v1/tenants/{tenant_id}/exports/{export_id}/file"): {},
    ("POST", "/t/{tenant_id}/exports/{export_id}/file/"): {},
    # what can't be undone, or breaks what runs
    ("DELETE", "/api/v1/tenants/{tenant_id}"): NAMED,
    ("POST", "/t/{tenant_id}/delete/"): NAMED,
    ("POST", "/api/v1/tenants/{tenant_id}/erase"): NAMED,
    ("POST", "/t/{tenant_id}/erase/"): NAMED,
    ("PATCH", "/api/v1/tenants/{tenant_id}"): {"protected": False},
    ("POST", "/t/{tenant_id}/protect/"): {},
    ("POST", "/api/v1/operations/{operation_id}/abandon"): {},
    ("POST", "/t/{tenant_id}/operations/{operation_id}/abandon/"): {},
    ("POST", "/api/v1/tenants/{tenant_id}/restore"): None,
    ("POST", "/t/{tenant_id}/backups/{backup_id}/restore/"): NAMED,
    ("POST", "/api/v1/tenants/{tenant_id}/rotate-certificates"): {},
    ("POST", "/t/{tenant_id}/rotate-certificates/"): {},
    ("POST", "/api/v1/tenants/{tenant_id}/rotate-credentials"): {},
    ("POST", "/t/{tenant_id}/rotate-credentials/"): {},
}
# Asked to get there: the switch that is thrown, and the step of the exchange.
CHOICES = {"verb": "disable", "step": "next"}

OTHERS = sorted(
    (method, address)
    for address, methods in MATRIX.items()
    for method, rule in methods.items()
    if rule.inside and (method, address) not in FRESH
)


@pytest.fixture(autouse=True)
def nobody_answers():
    """Neither an edge nor a provider."""
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(503, json={"code": "AWAY", "message": "", "hint": "", "retryable": True})
        yield


@pytest.fixture
def at_an_open_browser(world: World) -> Visitor:
    """An owner who was last seen proving themselves an hour ago."""
    alice = world.visitors["alice"]
    session = alice.client.session
    session["proofs"] = {"platform": int(time.time()) - 3600}
    session.save()
    yield alice
    session["proofs"] = {"platform": int(time.time())}
    session.save()


def asks_to_confirm(world: World, visitor: Visitor, method: str, address: str, rule: Rule) -> bool:
    answer = send(world, visitor, address, method, rule, **CHOICES)
    if address.startswith("/api/"):
        return answer.status_code == 403 and answer.json()["code"] == "CONFIRMATION_NEEDED"
    return answer.status_code == 302 and answer["Location"].startswith("/confirm/")


@pytest.mark.parametrize(("method", "address"), sorted(FRESH), ids=str)
def test_what_is_dangerous_asks_a_browser_that_was_left_open(world, at_an_open_browser, method, address):
    rule = MATRIX[address][method]
    rule = replace(rule, body=rule.body if FRESH[method, address] is None else FRESH[method, address])
    assert asks_to_confirm(world, at_an_open_browser, method, address, rule)


def test_nothing_else_does(world, at_an_open_browser):
    asking = [
        (method, address)
        for method, address in OTHERS
        if asks_to_confirm(world, at_an_open_browser, method, address, MATRIX[address][method])
    ]
    assert not asking, f"add to FRESH, or ask for no proof: {asking}"


@pytest.mark.parametrize(("method", "address"), sorted(one for one in FRESH if one[1].startswith("/api/")), ids=str)
def test_keys_are_not_asked(world, method, address):
    rule = MATRIX[address][method]
    rule = replace(rule, body=rule.body if FRESH[method, address] is None else FRESH[method, address])
    assert not asks_to_confirm(world, world.visitors["alice's key"], method, address, rule)
