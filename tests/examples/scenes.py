"""How an operation's example comes about, where what the isolation matrix sends would not succeed, or says little."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from organizations.models import Domain, EmergencyAccess, Grant, JoinRequest, MailSender
from tenants.agents.models import AgentResult
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.isolation.canary import CANARY
from tests.isolation.world import World
from tests.organizations.saml_idp import HONEST_PAIR, OTHER_PAIR
from tests.tenants.conftest import deliver, read_feed
from tests.tenants.edge import FakeEdge
from tests.tenants.edge_life import agent

Prepare = Callable[[World, FakeEdge], None]
ONE = "/api/v1/organizations/{organization_id}"
TENANT = "/api/v1/tenants/{tenant_id}"
CONNECTION = f"{ONE}/connections/{{connection_id}}"
TYPED = {
    "kind": "saml",
    "name": "Okta",
    "entity_id": "https://idp.example/metadata",
    "sign_in_url": "https://idp.example/sso",
    "certificate": HONEST_PAIR[1],
}
FAILED_SIGN_IN = "Nov 27 18:00:00 web-1 sshd[4711]: Failed password for invalid user admin from 203.0.113.7"
SENDER = {"name": "Acme Security", "reply_to": "help@acme.example", "address": "security@acme.example"}
NAMED = {"confirm_name": f"Office {CANARY}"}


@dataclass(frozen=True)
class Scene:
    """
    What comes before a request, and what is sent.

    Attributes: body: what is sent instead of what the matrix has; by: who sends it; in_msp: ids are those of the MSP;
    prepare: what has to be so; after: (method, address, body) of requests that come before; then: what comes of them.
    """

    body: dict[str, Any] | None = None
    by: str = "alice"
    in_msp: bool = False
    prepare: tuple[Prepare, ...] = ()
    after: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    then: tuple[Prepare, ...] = ()


def run(world: World, edge: FakeEdge) -> None:
    """The tenant runs, one agent reports to it, and a backup of it is kept."""
    tenant_id = world.ids["tenant_id"]
    deliver()
    settle(world, edge)
    edge.agents[tenant_id] = [agent("001", name="web-1", token=world.ids["token_id"][-10:])]
    edge.backed_up(tenant_id, world.ids["backup_id"])
    read_feed()


def settle(world: World, edge: FakeEdge) -> None:
    """What was asked of the tenant is done."""
    reconcile(world.ids["tenant_id"])
    edge.finish(world.ids["tenant_id"])
    read_feed()


def fail(world: World, edge: FakeEdge) -> None:
    """The tenant's creation fails at its manager, for good."""
    deliver()
    reconcile(world.ids["tenant_id"])
    edge.break_run(world.ids["tenant_id"], "manager")
    read_feed()


def sleep(world: World, edge: FakeEdge) -> None:
    """The tenant sleeps, as it does when nobody uses it."""
    edge.begin_change(world.ids["tenant_id"], "sleep", "edge_sleep")
    edge.views[world.ids["tenant_id"]]["sleeping"] = {"since": timezone.now().isoformat(), "reason": "idle"}
    edge.finish(world.ids["tenant_id"])
    read_feed()


def offer_versions(world: World, edge: FakeEdge) -> None:
    """The tenant's cell has a newer version than the tenant."""
    Cell.objects.update(versions=["4.14.8", "4.14.7"])


def hold_rollout(world: World, edge: FakeEdge) -> None:
    """The roll-out is held: a tenant did not take it."""
    Rollout.objects.update(state="held", reason="1 tenant failed in the ring general.", look_at=None)
    RolloutTarget.objects.update(state="failed", reason="manager: The manager exited.", ended_at=timezone.now())


def fail_order(world: World, edge: FakeEdge) -> None:
    """What was ordered of agents of several tenants failed for one."""
    AgentResult.objects.update(state="failed", note="The repository is not reachable")


def prove_domain(world: World, edge: FakeEdge) -> None:
    """The organization's domain is proven, and who asks to join has an address of it."""
    asked = JoinRequest.objects.get(pk=world.ids["join_request_id"])
    Domain.objects.filter(pk=world.ids["domain_id"]).update(
        name=asked.email.partition("@")[2], state=Domain.State.PROVEN
    )


def prove_own_domain(world: World, edge: FakeEdge) -> None:
    """The organization has proven the domain of its mails, and the platform may send from such addresses."""
    Domain.objects.filter(pk=world.ids["domain_id"]).update(name="acme.example", state=Domain.State.PROVEN)


def choose_address(world: World, edge: FakeEdge) -> None:
    """Its mails are to come from an address of that domain."""
    MailSender.objects.filter(pk=world.ids["organization_id"]).update(**SENDER, next_look_at=timezone.now())


def withdraw_grant(world: World, edge: FakeEdge) -> None:
    """No MSP may work in the organization."""
    EmergencyAccess.objects.all().delete()
    Grant.objects.all().delete()


def allow_emergencies(world: World, edge: FakeEdge) -> None:
    """The client lets its MSP see, and do more in an emergency; none goes on."""
    EmergencyAccess.objects.all().delete()
    Grant.objects.update(role_ceiling="viewer", emergency_ceiling="admin")


def report(world: World, edge: FakeEdge) -> None:
    """What the alert stands for is in the tenant's event log."""
    edge.alert(world.ids["tenant_id"], rule="5710", level=12, title="sshd: Attempt to login using a non-existent user")


IMPORT = f"{ONE}/client-imports/{{import_id}}"
JUNIPER = {
    "name": "Juniper Dental",
    "external_id": "crm-4711",
    "template": "{template_id}",
    "tenant": "Production",
    "administrators": ["ann@juniper.example"],
    "role_ceiling": "operator",
}
TEMPLATE = f"{ONE}/client-templates/{{template_id}}"
OF_CLIENT = f"{ONE}/clients/{{client_id}}/template"
OF_MSP = Scene(by="paula", in_msp=True, prepare=(run,))
OFFICES = {
    "name": "Small offices",
    "inherits_from": "{template_id}",
    "settings": {"ring": "general", "backups": {"every_hours": 12, "keep": 14}, "sleep_after_minutes": None},
}
ROLLOUT = f"{ONE}/rollouts/{{rollout_id}}"
NEWER = ("POST", f"{TENANT}/upgrade", {"version": "4.14.8"})
SCENES: dict[str, Scene] = {
    "POST /api/v1/organizations": Scene(
        {"msp": "{organization_id}", "name": "Juniper Dental", "external_id": "crm-4711"}, in_msp=True, by="paula"
    ),
    f"GET {ONE}/mail-sender": Scene(prepare=(prove_own_domain, choose_address)),
    f"PUT {ONE}/mail-sender": Scene({**SENDER, "address": ""}, prepare=(prove_own_domain,)),
    f"POST {ONE}/mail-sender/check": Scene(prepare=(prove_own_domain, choose_address)),
    f"POST {ONE}/connections": Scene(TYPED),
    f"POST {CONNECTION}/certificates": Scene({"certificate": OTHER_PAIR[1]}),
    f"POST {CONNECTION}/own-key": Scene(after=(("PATCH", CONNECTION, {"signs_requests": True}),)),
    f"PUT {CONNECTION}/own-key": Scene(
        after=(("PATCH", CONNECTION, {"signs_requests": True}), ("POST", f"{CONNECTION}/own-key", {}))
    ),
    f"POST {ONE}/join-requests/{{join_request_id}}/approve": Scene(prepare=(prove_domain,)),
    f"POST {ONE}/access-requests": Scene(by="paula", in_msp=True),
    f"PUT {ONE}/members/{{membership_id}}/clients": Scene(by="paula", in_msp=True),
    f"POST {ONE}/grants": Scene(prepare=(withdraw_grant,)),
    f"POST {ONE}/emergencies": Scene(
        {"grant": "{grant_id}", "reason": "Ransom note on the file server"}, by="maria", prepare=(allow_emergencies,)
    ),
    "POST /api/v1/tenants": Scene(
        {"organization": "{organization_id}", "name": "Berlin office", "external_id": "crm-4711"}
    ),
    f"POST {TENANT}/tokens": Scene(
        {
            "name": "Web servers",
            "expires_in_days": 30,
            "max_uses": 50,
            "groups": ["linux"],
            "labels": {"site": "Berlin"},
        }
    ),
    f"DELETE {TENANT}": Scene(NAMED, prepare=(run,)),
    f"POST {TENANT}/undelete": Scene(prepare=(run,), after=(("DELETE", TENANT, NAMED),)),
    f"POST {TENANT}/erase": Scene(NAMED, prepare=(run,), after=(("DELETE", TENANT, NAMED),)),
    f"POST {TENANT}/restore": Scene({"backup": "{backup_id}", **NAMED}, prepare=(run,)),
    f"POST {TENANT}/resize": Scene({"plan": "large"}, prepare=(run,)),
    f"POST {TENANT}/upgrade": Scene(NEWER[2], prepare=(run, offer_versions)),
    f"POST {TENANT}/rollback": Scene(prepare=(run, offer_versions), after=(NEWER,), then=(settle,)),
    f"POST {TENANT}/wake": Scene(prepare=(run, sleep)),
    f"POST {TENANT}/content/publish": Scene(prepare=(run,)),
    f"POST {ONE}/content/publish": Scene({"tenants": ["{tenant_id}"]}, prepare=(run,)),
    f"POST {TENANT}/logtest": Scene({"event": FAILED_SIGN_IN, "location": "/var/log/auth.log"}, prepare=(run,)),
    f"POST {ONE}/rollouts": Scene(
        {"version": "4.14.8", "soak_hours": 24}, prepare=(offer_versions,), after=(("POST", f"{ROLLOUT}/end", {}),)
    ),
    f"POST {ONE}/agent-orders/{{batch_id}}/retry": Scene(prepare=(fail_order,)),
    f"GET {ONE}/alerts/{{alert_id}}/events": Scene(prepare=(run, report)),
    f"POST {ROLLOUT}/go-on": Scene(prepare=(hold_rollout,)),
    f"POST {ROLLOUT}/retry": Scene(prepare=(hold_rollout,)),
    f"POST {ONE}/onboardings": Scene(JUNIPER, by="paula", in_msp=True, prepare=(run,)),
    f"GET {ONE}/client-imports": OF_MSP,
    f"POST {ONE}/client-imports": OF_MSP,
    f"GET {IMPORT}": OF_MSP,
    f"GET {IMPORT}/lines": OF_MSP,
    f"POST {IMPORT}/retry": OF_MSP,
    f"GET {ONE}/client-templates": OF_MSP,
    f"POST {ONE}/client-templates": Scene(OFFICES, by="paula", in_msp=True),
    f"GET {TEMPLATE}": Scene(by="paula", in_msp=True),
    f"PUT {TEMPLATE}": Scene(
        {**OFFICES, "inherits_from": None, "based_on": 1, "note": "Backups twice a day"}, by="paula", in_msp=True
    ),
    f"GET {TEMPLATE}/versions": OF_MSP,
    f"GET {TEMPLATE}/drift": OF_MSP,
    f"GET {OF_CLIENT}": OF_MSP,
    f"PUT {OF_CLIENT}": OF_MSP,
    f"POST {OF_CLIENT}/overrides": OF_MSP,
    f"POST {OF_CLIENT}/accept": OF_MSP,
    "POST /api/v1/operations/{operation_id}/retry": Scene(prepare=(fail,)),
    "POST /api/v1/operations/{operation_id}/cancel": Scene(),
    "POST /api/v1/operations/{operation_id}/abandon": Scene(prepare=(fail,)),
}

WITHOUT = {
    f"POST {CONNECTION}/refresh": "reads from the identity provider; its answer is the connection's",
}
"""Operations that have no example, and why."""
