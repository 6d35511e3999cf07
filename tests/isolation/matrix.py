"""Who may do what at every address: the data of the isolation matrix.

A new route needs a line here. `needs` is for what belongs to one organization or tenant: members with the permission
may, other members are refused with 403, everybody else gets 404 and learns nothing. `anybody` and `people` are for what
shows nothing of any organization to whoever is not in it.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What one method at one address takes.

    Attributes:
        inside: it belongs to one organization, and nobody else may learn that it exists.
        permission: needed inside the organization; empty if every member may.
        signed_in: whether strangers are sent to sign in.
        body: what a permitted caller sends; ``{name}`` is filled with the world's ids.
        is_sign_in_page: it shows the names of organization and connection, and only those, to whoever has its address.
        edge: it calls the edge, which is away here, so a permitted caller may get 503.
        query: appended to the address.
        scim: a directory's token of the organization opens it, and nothing else does.
    """

    permission: str = ""
    inside: bool = False
    signed_in: bool = True
    is_sign_in_page: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    edge: bool = False
    query: str = ""
    scim: bool = False


def needs(permission: str, **more: Any) -> Rule:
    """A rule for members with a permission."""
    return Rule(permission, inside=True, **more)


def members(**more: Any) -> Rule:
    """A rule for everybody in the organization."""
    return Rule(inside=True, **more)


def anybody(**more: Any) -> Rule:
    """A rule for everybody, signed in or not."""
    return Rule(signed_in=False, **more)


def directory(**more: Any) -> Rule:
    """A rule for the SCIM client of the organization."""
    return Rule(scim=True, **more)


def people(**more: Any) -> Rule:
    """A rule for whoever is signed in; what they see is their own."""
    return Rule(**more)


API = {
    "/api/…": {},
    "/api/v1/openapi.json": {"GET": anybody()},
    "/api/v1/plans": {"GET": people()},
    "/api/v1/organizations": {"GET": people(), "POST": people(body={"name": "New"})},
    "/api/v1/organizations/{organization_id}": {
        "GET": members(),
        "PATCH": needs("sso.manage", body={"sign_in_policy": "any"}),
    },
    "/api/v1/organizations/{organization_id}/security": {
        "GET": needs("organization.manage"),
        "PATCH": needs("organization.manage", body={"idle_minutes": 30}),
    },
    "/api/v1/organizations/{organization_id}/security/sign-out": {"POST": needs("organization.manage")},
    "/api/v1/organizations/{organization_id}/connections": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"kind": "saml", "name": "new", "metadata_xml": "<a/>"}),
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}": {
        "GET": needs("sso.manage"),
        "PATCH": needs("sso.manage", body={"name": "new"}),
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/certificates": {
        "POST": needs("sso.manage", body={"certificate": "x"})
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/certificates/{fingerprint}": {
        "DELETE": needs("sso.manage")
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/own-key": {
        "POST": needs("sso.manage"),
        "PUT": needs("sso.manage"),
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/provisioning": {
        "GET": needs("sso.manage"),
        "PATCH": needs("organization.manage", body={"attribute": "userName"}),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/provisioning/tokens": {
        "POST": needs("organization.manage", body={"expires_in_days": 1})
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/provisioning/tokens/{scim_token_id}": {
        "DELETE": needs("sso.manage")
    },
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/refresh": {"POST": needs("sso.manage")},
    "/api/v1/organizations/{organization_id}/connections/{connection_id}/test": {"GET": needs("sso.manage")},
    "/api/v1/organizations/{organization_id}/domains": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"name": "new.example"}),
    },
    "/api/v1/organizations/{organization_id}/domains/{domain_id}": {
        "GET": needs("sso.manage"),
        "PATCH": needs("sso.manage", body={"connection": None}),
        "DELETE": needs("sso.manage"),
    },
    "/api/v1/organizations/{organization_id}/domains/{domain_id}/check": {"POST": needs("sso.manage")},
    "/api/v1/organizations/{organization_id}/subscription": {"GET": needs("billing.view")},
    "/api/v1/organizations/{organization_id}/audit": {"GET": needs("audit.view")},
    "/api/v1/organizations/{organization_id}/audit/export": {"GET": needs("audit.view", query="kind=jsonl")},
    "/api/v1/organizations/{organization_id}/audit/{entry_id}": {"GET": needs("audit.view")},
    "/api/v1/organizations/{organization_id}/grants": {
        "GET": needs("member.view"),
        "POST": needs("organization.manage", body={"code": "{code}", "role_ceiling": "viewer"}),
    },
    "/api/v1/organizations/{organization_id}/access-refusals": {
        "POST": needs("organization.manage", body={"code": "{code}"})
    },
    "/api/v1/organizations/{organization_id}/access-requests": {
        "GET": needs("client.manage"),
        "POST": needs("client.manage", body={"role_ceiling": "viewer"}),
    },
    "/api/v1/organizations/{organization_id}/access-requests/{request_id}": {"DELETE": needs("client.manage")},
    "/api/v1/organizations/{organization_id}/members": {"GET": needs("member.view")},
    "/api/v1/organizations/{organization_id}/members/{membership_id}": {
        "GET": needs("member.view"),
        "PATCH": needs("member.manage", body={"role": "operator"}),
        "DELETE": needs("member.manage"),
    },
    "/api/v1/organizations/{organization_id}/roles": {
        "GET": needs("member.view"),
        "POST": needs("member.manage", body={"name": "New", "permissions": ["tenant.view"]}),
    },
    "/api/v1/organizations/{organization_id}/roles/{role_id}": {
        "GET": needs("member.view"),
        "PATCH": needs("member.manage", body={"name": "New"}),
        "DELETE": needs("member.manage"),
    },
    "/api/v1/organizations/{organization_id}/members/{membership_id}/clients": {
        "GET": needs("member.view"),
        "PUT": needs("member.manage", body={"sets": []}),
    },
    "/api/v1/organizations/{organization_id}/members/{membership_id}/offboarding": {
        "GET": needs("member.manage"),
        "POST": needs("member.manage"),
    },
    "/api/v1/organizations/{organization_id}/offboardings": {"GET": needs("member.manage")},
    "/api/v1/organizations/{organization_id}/offboardings/{offboarding_id}": {"GET": needs("member.manage")},
    "/api/v1/organizations/{organization_id}/invitations": {
        "GET": needs("member.view"),
        "POST": needs("member.manage", body={"email": "new@example.test", "role": "viewer"}),
    },
    "/api/v1/organizations/{organization_id}/invitations/{invitation_id}": {
        "GET": needs("member.view"),
        "DELETE": needs("member.manage"),
    },
    "/api/v1/organizations/{organization_id}/invitations/{invitation_id}/resend": {"POST": needs("member.manage")},
    "/api/v1/organizations/{organization_id}/join-requests": {"GET": needs("member.manage")},
    "/api/v1/organizations/{organization_id}/join-requests/{join_request_id}/approve": {
        "POST": needs("member.manage", body={"role": "viewer"})
    },
    "/api/v1/organizations/{organization_id}/join-requests/{join_request_id}/decline": {"POST": needs("member.manage")},
    "/api/v1/organizations/{organization_id}/keys": {
        "GET": needs("key.manage"),
        "POST": needs("key.manage", body={"name": "new", "scopes": ["tenant.view"], "expires_in_days": 1}),
    },
    "/api/v1/organizations/{organization_id}/keys/{key_id}": {
        "GET": needs("key.manage"),
        "DELETE": needs("key.manage"),
    },
    "/api/v1/grants/{grant_id}": {
        "GET": needs("member.view"),
        "PATCH": needs("organization.manage", body={"role_ceiling": "viewer"}),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/emergencies": {
        "GET": needs("member.view"),
        "POST": members(body={"grant": "{grant_id}", "reason": "Everything is on fire"}),
    },
    "/api/v1/emergencies/{emergency_id}": {"DELETE": needs("organization.manage")},
    "/api/v1/grants/{grant_id}/review": {"PUT": needs("organization.manage", body={"role_ceiling": "viewer"})},
    "/api/v1/tenants": {
        "GET": people(),
        "POST": needs("tenant.create", body={"organization": "{organization_id}", "name": "New"}),
    },
    "/api/v1/tenants/{tenant_id}": {
        "GET": needs("tenant.view"),
        "PATCH": needs("tenant.delete", body={"protected": True}),
        "DELETE": needs("tenant.delete", body={"confirm_name": "x"}),
    },
    "/api/v1/tenants/{tenant_id}/start": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/stop": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/rotate-certificates": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/upgrade": {"POST": needs("tenant.operate", body={"version": "4.14.6"})},
    "/api/v1/tenants/{tenant_id}/rollback": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/resize": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/usage": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/sleep": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/wake": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/rotate-credentials": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/tokens": {
        "GET": needs("token.view"),
        "POST": needs("token.create", body={"name": "new"}),
    },
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}": {"GET": needs("token.view"), "DELETE": needs("token.revoke")},
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}/quarantine": {
        "POST": needs("agent.quarantine", body={"reason": "leaked"})
    },
    "/api/v1/tenants/{tenant_id}/agents": {"GET": needs("agent.view", edge=True)},
    "/api/v1/tenants/{tenant_id}/agents/{number}": {"GET": needs("agent.view", edge=True)},
    "/api/v1/tenants/{tenant_id}/agents/{number}/quarantine": {
        "POST": needs("agent.quarantine", body={"reason": "leaked"})
    },
    "/api/v1/tenants/{tenant_id}/refusals": {"GET": needs("token.view")},
    "/api/v1/tenants/{tenant_id}/dashboard": {"POST": needs("dashboard.open", edge=True)},
    "/api/v1/tenants/{tenant_id}/events-token": {"POST": needs("events.read")},
    "/api/v1/tenants/{tenant_id}/certs-token": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/revocations": {"GET": needs("tenant.view")},
    "/api/v1/operations": {"GET": people()},
    "/api/v1/operations/{operation_id}": {"GET": needs("tenant.view")},
    "/api/v1/operations/{operation_id}/retry": {"POST": needs("tenant.operate")},
    "/api/v1/operations/{operation_id}/cancel": {"POST": needs("tenant.operate")},
}

PAGES = {
    "/": {"GET": anybody()},
    "/admin/": {"GET": anybody()},
    "/theme/": {"POST": anybody(body={"theme": "dark"})},
    "/search/": {"GET": people(query="q=zq7")},
    "/sign-in/": {"GET": anybody(), "POST": anybody(body={"email": "alice@example.test"})},
    "/sign-out/": {"POST": anybody()},
    "/sign-in/password/": {"POST": anybody(body={"email": "nobody@example.test", "password": "x"})},
    "/sign-in/passkey/": {"POST": anybody(body={"credential": "[]"})},
    "/sign-in/second-step/": {"GET": anybody(), "POST": anybody(body={"code": "000000"})},
    "/passkeys/options/": {"POST": anybody(body={"purpose": "sign_in"})},
    "/confirm/": {"GET": people(), "POST": people(body={"code": "000000"})},
    "/confirm/{key}/": {"POST": people()},
    "/reset/": {"GET": anybody(), "POST": anybody(body={"email": "nobody@example.test"})},
    "/reset/{code_id}/{secret}/": {"GET": anybody(), "POST": anybody(body={"password": "x"})},
    "/account/": {"GET": people()},
    "/account/password/": {"GET": people(), "POST": people(body={"password": "x"})},
    "/account/passkeys/new/": {"GET": people(), "POST": people(body={"name": "x"})},
    "/account/passkeys/{passkey_id}/rename/": {"POST": people(body={"name": "x"})},
    "/account/passkeys/{passkey_id}/remove/": {"POST": people()},
    "/account/authenticator/": {"GET": people(), "POST": people(body={"code": "000000"})},
    "/account/authenticator/remove/": {"POST": people()},
    "/account/recovery-codes/": {"GET": people(), "POST": people()},
    "/account/sessions/end-others/": {"POST": people()},
    "/account/sessions/{session_id}/end/": {"POST": people()},
    "/account/link/platform/": {"POST": people()},
    "/sign-up/email/": {"GET": anybody(), "POST": anybody(body={"email": "nobody@example.test"})},
    "/sign-up/code/": {"GET": anybody(), "POST": anybody(body={"code": "x"})},
    "/sign-up/finish/": {"GET": anybody(), "POST": anybody(body={"name": "x"})},
    "/sign-up/": {"GET": anybody(), "POST": anybody(body={"name": "New"})},
    "/sign-up/saml/": {"GET": anybody(), "POST": anybody(body={"name": "New"})},
    "/sign-up/saml/{connection_id}/": {"GET": anybody()},
    "/invitations/{invitation_id}/": {"GET": anybody()},
    "/invitations/{invitation_id}/accept/": {"POST": people()},
    "/invitations/{invitation_id}/decline/": {"POST": people()},
    "/join/{organization_id}/": {"POST": people()},
    "/join/{organization_id}/take-back/": {"POST": people()},
    "/sso/platform/": {"POST": anybody()},
    "/sso/enter/{organization_id}/": {"GET": people()},
    "/sso/{connection_id}/": {"GET": anybody(is_sign_in_page=True), "POST": anybody(is_sign_in_page=True)},
    "/sso/{connection_id}/ask/": {"GET": anybody(), "POST": anybody()},
    "/sso/{connection_id}/link/": {"POST": people()},
    "/sso/oidc/{key}/callback/": {"GET": anybody(query="state=x&code=y")},
    "/sso/saml/{connection_id}/metadata/": {"GET": anybody()},
    "/sso/saml/{connection_id}/acs/": {"POST": anybody(body={"SAMLResponse": "x"})},
    "/sso/saml/{connection_id}/finish/": {"GET": anybody()},
    "/o/{organization_id}/": {"GET": needs("tenant.view")},
    "/o/{organization_id}/tenants/new/": {
        "GET": needs("tenant.create"),
        "POST": needs("tenant.create", body={"name": "New"}),
    },
    "/o/{organization_id}/clients/new/": {"GET": needs("client.manage"), "POST": needs("client.manage")},
    "/o/{organization_id}/activity/": {"GET": needs("tenant.view")},
    "/o/{organization_id}/members/": {
        "GET": needs("member.view"),
        "POST": needs("member.manage", body={"emails": "new@example.test", "role": "viewer"}),
    },
    "/o/{organization_id}/members/{membership_id}/role/": {"POST": needs("member.manage", body={"role": "operator"})},
    "/o/{organization_id}/members/{membership_id}/remove/": {"POST": needs("member.manage")},
    "/o/{organization_id}/roles/": {"GET": needs("member.view")},
    "/o/{organization_id}/roles/new/": {
        "GET": needs("member.manage"),
        "POST": needs("member.manage", body={"name": "New", "permissions": "tenant.view"}),
    },
    "/o/{organization_id}/roles/{role_id}/": {
        "GET": needs("member.view"),
        "POST": needs("member.manage", body={"name": "New", "permissions": "tenant.view"}),
    },
    "/o/{organization_id}/roles/{role_id}/delete/": {"POST": needs("member.manage")},
    "/o/{organization_id}/invitations/{invitation_id}/withdraw/": {"POST": needs("member.manage")},
    "/o/{organization_id}/invitations/{invitation_id}/resend/": {"POST": needs("member.manage")},
    "/o/{organization_id}/join-requests/{join_request_id}/approve/": {
        "POST": needs("member.manage", body={"role": "viewer"})
    },
    "/o/{organization_id}/join-requests/{join_request_id}/decline/": {"POST": needs("member.manage")},
    "/access-requests/{code}/": {"GET": people()},
    "/o/{organization_id}/members/{membership_id}/clients/": {
        "GET": needs("member.manage"),
        "POST": needs("member.manage"),
    },
    "/o/{organization_id}/members/{membership_id}/clients/{set_id}/remove/": {"POST": needs("member.manage")},
    "/o/{organization_id}/emergency/{grant_id}/": {"GET": members(), "POST": members(body={"reason": "Smoke"})},
    "/o/{organization_id}/emergencies/{emergency_id}/end/": {"POST": needs("organization.manage")},
    "/o/{organization_id}/members/{membership_id}/offboard/": {
        "GET": needs("member.manage"),
        "POST": needs("member.manage"),
    },
    "/o/{organization_id}/offboardings/": {"GET": needs("member.manage")},
    "/o/{organization_id}/offboardings/{offboarding_id}/": {"GET": needs("member.manage")},
    "/work/leave/": {"POST": people()},
    "/o/{organization_id}/work/": {"GET": members(), "POST": members(body={"grant": "{grant_id}"})},
    "/o/{organization_id}/clients/access/": {
        "GET": needs("client.manage"),
        "POST": needs("client.manage"),
    },
    "/o/{organization_id}/clients/access/requests/{request_id}/withdraw/": {"POST": needs("client.manage")},
    "/o/{organization_id}/access/": {
        "GET": needs("member.view"),
        "POST": needs("member.view", body={"code": "{code}"}),
    },
    "/o/{organization_id}/access/requests/{code}/": {
        "GET": needs("organization.manage"),
        "POST": needs("organization.manage", body={"role_ceiling": "viewer"}),
    },
    "/o/{organization_id}/grants/{grant_id}/review/": {
        "POST": needs("organization.manage", body={"role_ceiling": "viewer"})
    },
    "/o/{organization_id}/grants/{grant_id}/withdraw/": {"POST": needs("organization.manage")},
    "/o/{organization_id}/keys/": {"GET": needs("key.manage")},
    "/o/{organization_id}/keys/new/": {"GET": needs("key.manage"), "POST": needs("key.manage")},
    "/o/{organization_id}/keys/{key_id}/revoke/": {"POST": needs("key.manage")},
    "/o/{organization_id}/sso/": {"GET": needs("sso.manage"), "POST": needs("sso.manage", body={"policy": "any"})},
    "/o/{organization_id}/sso/emergency/": {"POST": needs("organization.manage")},
    "/o/{organization_id}/sso/new/": {"GET": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/": {"GET": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/attributes/": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"default_role": "viewer"}),
    },
    "/o/{organization_id}/sso/{connection_id}/test/": {"GET": needs("sso.manage"), "POST": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/turn-on/": {"GET": needs("sso.manage"), "POST": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/provisioning/": {
        "GET": needs("sso.manage"),
        "POST": needs("organization.manage", body={"expires_in": "90"}),
    },
    "/o/{organization_id}/sso/{connection_id}/provisioning/subject/": {
        "POST": needs("organization.manage", body={"attribute": "userName"})
    },
    "/o/{organization_id}/sso/{connection_id}/provisioning/stop/": {"POST": needs("organization.manage")},
    "/o/{organization_id}/sso/{connection_id}/provisioning/tokens/{scim_token_id}/revoke/": {
        "POST": needs("sso.manage")
    },
    "/o/{organization_id}/sso/{connection_id}/refresh/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/certificates/": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"certificate": "x"}),
    },
    "/o/{organization_id}/sso/{connection_id}/certificates/{fingerprint}/remove/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/sso/{connection_id}/own-key/{step}/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/domains/": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"name": "new.example"}),
    },
    "/o/{organization_id}/domains/{domain_id}/check/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/domains/{domain_id}/use/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/domains/{domain_id}/give-up/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/sso/new/oidc/": {"GET": needs("sso.manage"), "POST": needs("sso.manage", body={"name": "x"})},
    "/o/{organization_id}/sso/new/saml/": {"GET": needs("sso.manage"), "POST": needs("sso.manage", body={"name": "x"})},
    "/o/{organization_id}/sso/{connection_id}/renew/": {
        "GET": needs("sso.manage"),
        "POST": needs("sso.manage", body={"metadata_xml": "<a/>"}),
    },
    "/o/{organization_id}/sso/{connection_id}/{verb}/": {"POST": needs("sso.manage")},
    "/o/{organization_id}/security/": {
        "GET": needs("organization.manage"),
        "POST": needs("organization.manage", body={"idle_minutes": "30"}),
    },
    "/o/{organization_id}/security/sign-out/": {"POST": needs("organization.manage")},
    "/o/{organization_id}/security/connections/{connection_id}/": {
        "POST": needs("organization.manage", body={"trust": "always"})
    },
    "/o/{organization_id}/audit/": {"GET": needs("audit.view", query="who=alice")},
    "/o/{organization_id}/audit/export/": {"POST": needs("audit.view", body={"kind": "csv"})},
    "/o/{organization_id}/audit/{entry_id}/": {"GET": needs("audit.view")},
    "/t/{tenant_id}/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/live/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/settings/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/start/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/stop/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/rotate-certificates/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/upgrade/": {"POST": needs("tenant.operate", body={"version": "4.14.6"})},
    "/t/{tenant_id}/rollback/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/resize/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/sleep/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/wake/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/sleep-policy/": {"POST": needs("tenant.operate", body={"sleep_after_minutes": "30"})},
    "/t/{tenant_id}/rotate-credentials/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/protect/": {"POST": needs("tenant.delete", body={"protected": "on"})},
    "/t/{tenant_id}/delete/": {"POST": needs("tenant.delete", body={"confirm_name": "x"})},
    "/t/{tenant_id}/operations/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/operations/{operation_id}/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/operations/{operation_id}/retry/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/operations/{operation_id}/cancel/": {"POST": needs("tenant.operate")},
    "/t/{tenant_id}/tokens/": {"GET": needs("token.view")},
    "/t/{tenant_id}/tokens/new/": {"GET": needs("token.create"), "POST": needs("token.create", body={"name": "new"})},
    "/t/{tenant_id}/tokens/{token_id}/": {"GET": needs("token.view")},
    "/t/{tenant_id}/tokens/{token_id}/arrivals/": {"GET": needs("token.view")},
    "/t/{tenant_id}/tokens/{token_id}/revoke/": {"POST": needs("token.revoke")},
    "/t/{tenant_id}/tokens/{token_id}/quarantine/": {"POST": needs("agent.quarantine", body={"reason": "leaked"})},
    "/t/{tenant_id}/agents/": {"GET": needs("agent.view")},
    "/t/{tenant_id}/agents/{number}/quarantine/": {"POST": needs("agent.quarantine", body={"reason": "leaked"})},
    "/t/{tenant_id}/events/": {"GET": needs("events.read", edge=True)},
    "/t/{tenant_id}/events/tail/": {"GET": needs("events.read", edge=True)},
    "/t/{tenant_id}/events/recent/": {"GET": needs("events.read", edge=True)},
    "/t/{tenant_id}/access/": {"GET": needs("tenant.view")},
    "/t/{tenant_id}/dashboard/": {"POST": needs("dashboard.open", edge=True)},
}

_PATCH = {"Operations": [{"op": "replace", "path": "displayName", "value": "new"}]}
_EVERYTHING = ("GET", "POST", "PUT", "PATCH", "DELETE")
SCIM = {
    "/scim/v2/{connection_id}/ServiceProviderConfig": {"GET": directory()},
    "/scim/v2/{connection_id}/ResourceTypes": {"GET": directory()},
    "/scim/v2/{connection_id}/ResourceTypes/{name}": {"GET": directory()},
    "/scim/v2/{connection_id}/Schemas": {"GET": directory()},
    "/scim/v2/{connection_id}/Schemas/{name}": {"GET": directory()},
    "/scim/v2/{connection_id}/Users": {"GET": directory(), "POST": directory(body={"userName": "new"})},
    "/scim/v2/{connection_id}/Users/.search": {"POST": directory(body={"filter": "userName pr"})},
    "/scim/v2/{connection_id}/Users/{duser_id}": {
        "GET": directory(),
        "PUT": directory(body={"userName": "new"}),
        "PATCH": directory(body=_PATCH),
        "DELETE": directory(),
    },
    "/scim/v2/{connection_id}/Groups": {"GET": directory(), "POST": directory(body={"displayName": "new"})},
    "/scim/v2/{connection_id}/Groups/.search": {"POST": directory(body={"filter": "displayName pr"})},
    "/scim/v2/{connection_id}/Groups/{dgroup_id}": {
        "GET": directory(),
        "PUT": directory(body={"displayName": "new"}),
        "PATCH": directory(body=_PATCH),
        "DELETE": directory(),
    },
    "/scim/v2/{connection_id}/": {method: directory() for method in _EVERYTHING},
    "/scim/v2/{connection_id}/{rest}": {method: directory() for method in _EVERYTHING},
}

MATRIX: dict[str, dict[str, Rule]] = API | PAGES | SCIM

# Values of parameters that name nothing of Acme's.
PLAIN = {
    "verb": "disable",
    "step": "sign",
    "key": "platform",
    "name": "User",
    "rest": "Me",
    "code_id": "mcode_" + "a" * 20,
    "secret": "A" * 22,
    "passkey_id": "pkey_" + "a" * 20,
    "session_id": "ses_" + "a" * 20,
    "set_id": "crl_" + "a" * 20,
}
