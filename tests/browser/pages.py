"""Every main page with who looks at it: what the checks of looks, access and size walk through."""

from collections.abc import Callable
from dataclasses import dataclass

from organizations.models import Grant, User
from tenants.status.models import Incident
from tenants.status.subscriptions import path_of
from tests.browser.world import World


@dataclass(frozen=True)
class Shown:
    """One page: its name in reports and pictures, who looks, and its address in a world."""

    name: str
    looker: str
    path: Callable[[World], str]

    def by(self, world: World) -> User | None:
        return {"": None, "alice": world.alice, "paula": world.paula}[self.looker]


def _tenant(name: str, rest: str = "") -> Callable[[World], str]:
    return lambda world: f"/t/{world.tenants[name].pk}/{rest}"


def _token(world: World, name: str) -> str:
    return f"/t/{world.tenants['Production'].pk}/tokens/{world.tokens[name].pk}/"


def _template(world: World, rest: str = "") -> str:
    return f"/o/{world.msp.pk}/client-templates/{world.template.pk}/{rest}"


def _client(world: World, name: str, rest: str) -> str:
    return f"/o/{world.msp.pk}/clients/{world.clients[name].pk}/{rest}"


def _operation(world: World, tenant: str) -> str:
    return f"/t/{world.tenants[tenant].pk}/operations/{world.operation(tenant).pk}/"


def _connection(name: str, rest: str = "") -> Callable[[World], str]:
    return lambda world: f"/o/{world.msp.pk}/sso/{world.connections[name].pk}/{rest}"


def _emergency(grant: Grant) -> str:
    return f"/o/{grant.client_id}/emergency/{grant.pk}/"


def _incident() -> str:
    return Incident.objects.get(kind="incident").pk


PAGES = (
    Shown("front", "", lambda world: "/"),
    Shown("sign-in", "", lambda world: "/sign-in/"),
    Shown("sign-up", "", lambda world: "/sign-up/"),
    Shown("status", "", lambda world: "/status/"),
    Shown("status-incident", "", lambda world: f"/status/incidents/{_incident()}/"),
    Shown("status-subscribe", "", lambda world: "/status/subscribe/"),
    Shown("status-subscription", "", lambda world: path_of(world.subscription)),
    Shown("status-of-tenant", "", lambda world: f"/status/t/{world.status_token}/"),
    Shown("tenant-status", "alice", _tenant("Production", "status/")),
    Shown("reports", "paula", lambda world: f"/o/{world.msp.pk}/reports/"),
    Shown("reports-empty", "alice", lambda world: f"/o/{world.acme.pk}/reports/"),
    Shown(
        "report-new",
        "paula",
        lambda world: f"/o/{world.msp.pk}/reports/new/?name=Weekly&every=weekly&time_zone=UTC&parts=summary",
    ),
    Shown("report-plan", "paula", lambda world: f"/o/{world.msp.pk}/reports/plans/{world.report_plan.pk}/"),
    Shown("report", "paula", lambda world: f"/o/{world.msp.pk}/reports/{world.report.pk}/"),
    Shown("report-public", "", lambda world: f"/reports/{world.report_token}/"),
    Shown("sign-up-saml", "", lambda world: "/sign-up/saml/"),
    Shown("invitation-stranger", "", lambda world: f"/invitations/{world.invitation}/"),
    Shown("invitation", "alice", lambda world: f"/invitations/{world.invitation}/"),
    Shown("invitation-none", "paula", lambda world: f"/invitations/{world.invitation}/"),
    Shown("sign-up-invited", "alice", lambda world: "/sign-up/"),
    Shown("account", "alice", lambda world: "/account/"),
    Shown("clients", "paula", lambda world: f"/o/{world.msp.pk}/"),
    Shown("fleet-narrowed", "paula", lambda world: f"/o/{world.msp.pk}/?state=running,none&sort=certificate"),
    Shown("fleet-filter", "paula", lambda world: f"/o/{world.msp.pk}/fleet/filter/?state=failed"),
    Shown("fleet-chosen", "paula", lambda world: f"/o/{world.msp.pk}/?select=1"),
    Shown("agents-live", "paula", lambda world: f"/o/{world.msp.pk}/agents/live/"),
    Shown("organizations", "paula", lambda _: "/organizations/"),
    Shown("alerts", "paula", lambda world: f"/o/{world.msp.pk}/alerts/"),
    Shown("alerts-own", "alice", lambda world: f"/o/{world.acme.pk}/alerts/?state=all"),
    Shown("alerts-narrowed", "paula", lambda world: f"/o/{world.msp.pk}/alerts/?technique=T1110&text=nothing"),
    Shown("alerts-empty", "paula", lambda world: f"/o/{world.clients['Halden Foods'].pk}/alerts/"),
    Shown("alert", "paula", lambda world: f"/o/{world.msp.pk}/alerts/{world.alerts['40112'].pk}/"),
    Shown("routing", "paula", lambda world: f"/o/{world.msp.pk}/alerts/routing/"),
    Shown("routing-empty", "alice", lambda world: f"/o/{world.acme.pk}/alerts/routing/"),
    Shown("destination-new", "paula", lambda world: f"/o/{world.msp.pk}/alerts/routing/destinations/new/jira/"),
    Shown("suppressions", "paula", lambda world: f"/o/{world.msp.pk}/alerts/suppressions/"),
    Shown("client-new", "paula", lambda world: f"/o/{world.msp.pk}/clients/new/"),
    Shown("client-empty", "paula", lambda world: f"/o/{world.clients['Halden Foods'].pk}/"),
    Shown("tenants", "alice", lambda world: f"/o/{world.acme.pk}/"),
    Shown("bin", "alice", lambda world: f"/o/{world.acme.pk}/bin/"),
    Shown("tenant-new", "alice", lambda world: f"/o/{world.acme.pk}/tenants/new/"),
    Shown("content-files", "alice", lambda world: f"/o/{world.acme.pk}/content/"),
    Shown("content-files-empty", "paula", lambda world: f"/o/{world.msp.pk}/content/"),
    Shown("content-file-new", "alice", lambda world: f"/o/{world.acme.pk}/content/new/"),
    Shown("content-file", "alice", lambda world: f"/o/{world.acme.pk}/content/{world.content}/?version=2"),
    Shown("content-publish", "alice", lambda world: f"/o/{world.acme.pk}/content/publish/"),
    Shown("content", "alice", _tenant("Production", "content/")),
    Shown("logtest", "alice", _tenant("Production", "logtest/")),
    Shown("tenant-running", "alice", _tenant("Production")),
    Shown("tenant-provisioning", "paula", _tenant("Baltic production")),
    Shown("tenant-failed", "paula", _tenant("Eastlake production")),
    Shown("tenant-stopped", "paula", _tenant("Corvid production")),
    Shown("tenant-attention", "paula", _tenant("Dunmore production")),
    Shown("tokens", "alice", _tenant("Production", "tokens/")),
    Shown("tokens-empty", "paula", _tenant("Alder production", "tokens/")),
    Shown("token-new", "alice", _tenant("Production", "tokens/new/")),
    Shown("token", "alice", lambda world: _token(world, "Warehouse laptops")),
    Shown("installer", "", lambda world: f"/i/{world.tokens['Warehouse laptops'].pk}/"),
    Shown("agents", "alice", _tenant("Production", "agents/")),
    Shown("agent", "alice", _tenant("Production", "agents/001/")),
    Shown("agents-chosen", "alice", _tenant("Production", "agents/?select=1")),
    Shown("agent-orders", "alice", _tenant("Production", "agent-orders/")),
    Shown("move-new", "alice", _tenant("Production", "moves/new/?agents=001")),
    Shown("moves", "alice", _tenant("Production", "moves/")),
    Shown("inventory", "paula", lambda world: f"/o/{world.msp.pk}/agents/"),
    Shown("inventory-chosen", "paula", lambda world: f"/o/{world.msp.pk}/agents/?select=1"),
    Shown("agent-batches", "paula", lambda world: f"/o/{world.msp.pk}/agent-orders/"),
    Shown("rollouts", "paula", lambda world: f"/o/{world.msp.pk}/rollouts/"),
    Shown(
        "rollout-new",
        "paula",
        lambda world: f"/o/{world.msp.pk}/rollouts/new/?what=4.14.6&when=now&soak_hours=24&failures_allowed=0",
    ),
    Shown("rollout", "paula", lambda world: f"/o/{world.msp.pk}/rollouts/{world.rollout.pk}/"),
    Shown("client-imports", "paula", lambda world: f"/o/{world.msp.pk}/clients/imports/"),
    Shown("client-import", "paula", lambda world: f"/o/{world.msp.pk}/clients/imports/{world.brought.pk}/"),
    Shown("client-templates", "paula", lambda world: f"/o/{world.msp.pk}/client-templates/"),
    Shown("client-template", "paula", lambda world: _template(world)),
    Shown("client-template-edit", "paula", lambda world: _template(world, "edit/")),
    Shown("client-template-versions", "paula", lambda world: _template(world, "versions/")),
    Shown("client-of-template", "paula", lambda world: _client(world, "Corvid Analytics", "template/")),
    Shown("client-overrides", "paula", lambda world: _client(world, "Corvid Analytics", "template/overrides/")),
    Shown("agents-import", "alice", _tenant("Production", "agents/import/")),
    Shown("agents-empty", "paula", _tenant("Baltic production", "agents/")),
    Shown("usage", "alice", _tenant("Production", "usage/")),
    Shown("usage-empty", "paula", _tenant("Baltic production", "usage/")),
    Shown("events", "alice", _tenant("Production", "events/")),
    Shown("access", "alice", _tenant("Production", "access/")),
    Shown("sizes", "alice", _tenant("Production", "resize/")),
    Shown("certificates", "alice", _tenant("Production", "certificates/")),
    Shown("certificates-none", "paula", _tenant("Eastlake production", "certificates/")),
    Shown("backups", "alice", _tenant("Production", "backups/")),
    Shown("backup", "alice", lambda world: _tenant("Production", f"backups/{world.backup}/")(world)),
    Shown("backups-empty", "paula", _tenant("Baltic production", "backups/")),
    Shown("exports", "alice", _tenant("Production", "exports/")),
    Shown("exports-empty", "alice", _tenant("Old plant", "exports/")),
    Shown("operations", "alice", _tenant("Production", "operations/")),
    Shown("operation", "paula", lambda world: _operation(world, "Eastlake production")),
    Shown("tenant-binned", "alice", _tenant("Old plant")),
    Shown("tenant-binned-settings", "alice", _tenant("Old plant", "settings/")),
    Shown("receipt", "alice", lambda world: f"/t/{world.tenants['Old plant'].pk}/receipts/{world.receipt.pk}/"),
    Shown("receipts", "alice", _tenant("Old plant", "receipts/")),
    Shown("tenant-settings", "alice", _tenant("Production", "settings/")),
    Shown("members", "alice", lambda world: f"/o/{world.acme.pk}/members/"),
    Shown("access-by-others", "alice", lambda world: f"/o/{world.acme.pk}/access/"),
    Shown("access-by-others-empty", "paula", lambda world: f"/o/{world.msp.pk}/access/"),
    Shown("access-answer", "alice", lambda world: f"/o/{world.acme.pk}/access/requests/{world.code}/"),
    Shown("work", "paula", lambda world: f"/o/{world.clients['Alder Dental Group'].pk}/work/"),
    Shown("msp-members", "paula", lambda world: f"/o/{world.msp.pk}/members/"),
    Shown("member-clients", "paula", lambda world: f"/o/{world.msp.pk}/members/{world.technician.pk}/clients/"),
    Shown("offboard", "paula", lambda world: f"/o/{world.msp.pk}/members/{world.technician.pk}/offboard/"),
    Shown("offboarding", "paula", lambda world: f"/o/{world.msp.pk}/offboardings/{world.left.pk}/"),
    Shown("offboardings", "paula", lambda world: f"/o/{world.msp.pk}/offboardings/"),
    Shown(
        "emergency", "paula", lambda world: f"/o/{world.clients['Fenwick Legal'].pk}/emergency/{world.open_grant.pk}/"
    ),
    Shown("client-access", "paula", lambda world: f"/o/{world.msp.pk}/clients/access/"),
    Shown("roles", "alice", lambda world: f"/o/{world.acme.pk}/roles/"),
    Shown("role-new", "alice", lambda world: f"/o/{world.acme.pk}/roles/new/"),
    Shown("role", "alice", lambda world: f"/o/{world.acme.pk}/roles/{world.role.pk}/"),
    Shown("keys", "alice", lambda world: f"/o/{world.acme.pk}/keys/"),
    Shown("key-new", "alice", lambda world: f"/o/{world.acme.pk}/keys/new/"),
    Shown("sso", "alice", lambda world: f"/o/{world.acme.pk}/sso/"),
    Shown("sso-connections", "paula", lambda world: f"/o/{world.msp.pk}/sso/"),
    Shown("sso-oidc-new", "alice", lambda world: f"/o/{world.acme.pk}/sso/new/oidc/"),
    Shown("sso-saml-new", "alice", lambda world: f"/o/{world.acme.pk}/sso/new/saml/"),
    Shown("sso-new", "alice", lambda world: f"/o/{world.acme.pk}/sso/new/"),
    Shown("sso-oidc-guide", "alice", lambda world: f"/o/{world.acme.pk}/sso/new/oidc/?guide=entra-id"),
    Shown("sso-connection", "paula", _connection("own", "?guide=keycloak")),
    Shown("sso-saml", "paula", _connection("saml", "?guide=okta")),
    Shown("sso-attributes", "paula", _connection("own", "attributes/")),
    Shown("sso-test", "paula", _connection("own", "test/")),
    Shown("sso-test-empty", "paula", _connection("saml", "test/")),
    Shown("sso-turn-on", "paula", _connection("own", "turn-on/")),
    Shown("sso-provisioning", "paula", _connection("own", "provisioning/")),
    Shown("sso-certificate-new", "paula", _connection("saml", "certificates/")),
    Shown("domains", "paula", lambda world: f"/o/{world.msp.pk}/domains/"),
    Shown("domains-empty", "alice", lambda world: f"/o/{world.acme.pk}/domains/"),
    Shown("security", "alice", lambda world: f"/o/{world.acme.pk}/security/"),
    Shown("security-connections", "paula", lambda world: f"/o/{world.msp.pk}/security/"),
    Shown("hostname", "paula", lambda world: f"/o/{world.msp.pk}/brand/hostname/"),
    Shown("hostname-empty", "alice", lambda world: f"/o/{world.acme.pk}/brand/hostname/"),
    Shown("mail-sender", "paula", lambda world: f"/o/{world.msp.pk}/brand/sender/"),
    Shown("mail-sender-empty", "alice", lambda world: f"/o/{world.acme.pk}/brand/sender/"),
    Shown("brand", "alice", lambda world: f"/o/{world.acme.pk}/brand/"),
    Shown("brand-empty", "paula", lambda world: f"/o/{world.msp.pk}/brand/"),
    Shown("audit", "alice", lambda world: f"/o/{world.acme.pk}/audit/"),
    Shown("audit-empty", "alice", lambda world: f"/o/{world.acme.pk}/audit/?target=nothing&until=2020-01-01"),
    Shown("audit-entry", "alice", lambda world: f"/o/{world.acme.pk}/audit/{world.newest_entry(world.acme)}/"),
)
