"""Who may do what at the addresses of the REST API."""

from tests.isolation.rules import anybody, members, needs, people

SUPPRESSED = {"rule_id": "5710", "tenant": "{other_tenant_id}", "reason": "Known", "ends_at": "2027-01-01T00:00:00Z"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""The smallest picture, a PNG."""
BRAND = {"name": "Acme Shield", "accent": "#14532d", "accent_dark": "#86efac"}

API = {
    "/api/…": {},
    "/api/v1/openapi.json": {"GET": anybody()},
    "/api/v1/plans": {"GET": people()},
    "/api/v1/status": {"GET": people()},
    "/api/v1/status/subscriptions": {"POST": people(body={"email": "nobody@example.test"})},
    "/api/v1/tenants/{tenant_id}/status": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/status/periods": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/status/links": {
        "GET": needs("tenant.view"),
        "POST": needs("tenant.operate", body={"title": "For the client"}),
    },
    "/api/v1/tenants/{tenant_id}/status/links/{link_id}": {
        "GET": needs("tenant.view"),
        "DELETE": needs("tenant.operate"),
    },
    "/api/v1/tenants/{tenant_id}/status/subscriptions": {
        "GET": needs("tenant.operate"),
        "POST": needs("tenant.operate", body={"email": "ida@example.test"}),
    },
    "/api/v1/tenants/{tenant_id}/status/subscriptions/{subscription_id}": {"DELETE": needs("tenant.operate")},
    "/api/v1/organizations": {"GET": people(), "POST": people(body={"name": "New"})},
    "/api/v1/organizations/{organization_id}": {
        "GET": members(),
        "PATCH": needs("sso.manage", body={"sign_in_policy": "any"}),
    },
    "/api/v1/organizations/{organization_id}/brand": {
        "GET": needs("organization.manage"),
        "PUT": needs("organization.manage", body=BRAND),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/brand/logos/{scheme}": {
        "PUT": needs("organization.manage", body={"image": PIXEL}),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/security": {
        "GET": needs("organization.manage"),
        "PATCH": needs("organization.manage", body={"idle_minutes": 30}),
    },
    "/api/v1/organizations/{organization_id}/security/sign-out": {"POST": needs("organization.manage")},
    "/api/v1/organizations/{organization_id}/hostnames": {
        "GET": needs("organization.manage"),
        "POST": needs("organization.manage", body={"name": "status.new.example"}),
    },
    "/api/v1/organizations/{organization_id}/hostnames/{hostname_id}": {
        "GET": needs("organization.manage"),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/hostnames/{hostname_id}/check": {"POST": needs("organization.manage")},
    "/api/v1/organizations/{organization_id}/mail-sender": {
        "GET": needs("organization.manage"),
        "PUT": needs("organization.manage", body={"name": "Acme", "reply_to": "help@proven.example"}),
        "DELETE": needs("organization.manage"),
    },
    "/api/v1/organizations/{organization_id}/mail-sender/check": {"POST": needs("organization.manage")},
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
    "/api/v1/organizations/{organization_id}/agents/live": {"GET": needs("agent.view")},
    "/api/v1/organizations/{organization_id}/alerts": {"GET": needs("events.read")},
    "/api/v1/organizations/{organization_id}/alerts/handle": {
        "POST": needs("alert.handle", body={"alerts": ["{alert_id}"], "act": "acknowledge"})
    },
    "/api/v1/organizations/{organization_id}/alerts/{alert_id}": {"GET": needs("events.read")},
    "/api/v1/organizations/{organization_id}/alerts/{alert_id}/events": {"GET": needs("events.read")},
    "/api/v1/organizations/{organization_id}/alerts/{alert_id}/notes": {
        "POST": needs("alert.handle", body={"text": "Seen"})
    },
    "/api/v1/organizations/{organization_id}/alert-destinations": {
        "GET": needs("alert.route"),
        "POST": needs("alert.route", body={"kind": "slack", "name": "Chat", "secret": "https://hooks.example/x"}),
    },
    "/api/v1/organizations/{organization_id}/alert-destinations/{destination_id}": {
        "GET": needs("alert.route"),
        "DELETE": needs("alert.route"),
    },
    "/api/v1/organizations/{organization_id}/alert-destinations/{destination_id}/test": {"POST": needs("alert.route")},
    "/api/v1/organizations/{organization_id}/alert-routes": {
        "GET": needs("alert.route"),
        "POST": needs("alert.route", body={"destination": "{destination_id}", "severity": "high"}),
    },
    "/api/v1/organizations/{organization_id}/alert-routes/{route_id}": {
        "GET": needs("alert.route"),
        "DELETE": needs("alert.route"),
    },
    "/api/v1/organizations/{organization_id}/alert-notices": {"GET": needs("alert.route")},
    "/api/v1/organizations/{organization_id}/alert-notices/{notice_id}/replay": {"POST": needs("alert.route")},
    "/api/v1/organizations/{organization_id}/alert-suppressions": {
        "GET": needs("events.read"),
        "POST": needs("alert.handle", body=SUPPRESSED),
    },
    "/api/v1/organizations/{organization_id}/alert-suppressions/{suppression_id}": {
        "GET": needs("events.read"),
        "DELETE": needs("alert.handle"),
    },
    "/api/v1/organizations/{organization_id}/agent-orders": {
        "GET": needs("agent.view"),
        "POST": needs(
            "agent.manage", body={"kind": "upgrade", "selection": [{"tenant": "{tenant_id}", "agents": ["001"]}]}
        ),
    },
    "/api/v1/organizations/{organization_id}/agent-orders/{batch_id}": {"GET": needs("agent.view")},
    "/api/v1/organizations/{organization_id}/agent-orders/{batch_id}/retry": {"POST": needs("agent.manage")},
    "/api/v1/organizations/{organization_id}/onboardings": {
        "POST": needs("client.manage", body={"name": "Juniper Dental", "external_id": "crm-4711"})
    },
    "/api/v1/organizations/{organization_id}/client-imports": {
        "GET": needs("client.manage"),
        "POST": needs("client.manage", body={"csv": "external_id,name\ncrm-4711,Juniper Dental\n"}),
    },
    "/api/v1/organizations/{organization_id}/client-imports/{import_id}": {"GET": needs("client.manage")},
    "/api/v1/organizations/{organization_id}/client-imports/{import_id}/lines": {"GET": needs("client.manage")},
    "/api/v1/organizations/{organization_id}/client-imports/{import_id}/retry": {"POST": needs("client.manage")},
    "/api/v1/organizations/{organization_id}/client-imports/{import_id}/report": {"GET": needs("client.manage")},
    "/api/v1/organizations/{organization_id}/client-templates": {
        "GET": needs("tenant.view"),
        "POST": needs("client.manage", body={"name": "New", "settings": {"ring": "early"}}),
    },
    "/api/v1/organizations/{organization_id}/client-templates/{template_id}": {
        "GET": needs("tenant.view"),
        "PUT": needs("client.manage", body={"name": "New", "settings": {"ring": "canary"}}),
        "DELETE": needs("client.manage"),
    },
    "/api/v1/organizations/{organization_id}/client-templates/{template_id}/versions": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/client-templates/{template_id}/drift": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/clients/{client_id}/template": {
        "GET": needs("tenant.view"),
        "PUT": needs("client.manage", body={"template": "{template_id}"}),
    },
    "/api/v1/organizations/{organization_id}/clients/{client_id}/template/overrides": {
        "POST": needs("client.manage", body={"settings": {"ring": "canary"}, "reason": "Tries everything first"})
    },
    "/api/v1/organizations/{organization_id}/clients/{client_id}/template/overrides/{setting}": {
        "DELETE": needs("client.manage")
    },
    "/api/v1/organizations/{organization_id}/clients/{client_id}/template/accept": {
        "POST": needs("client.manage", body={"tenant": "{tenant_id}", "setting": "ring"})
    },
    "/api/v1/organizations/{organization_id}/rollouts": {
        "GET": needs("tenant.view"),
        "POST": needs("tenant.operate", body={"version": "4.14.7"}),
    },
    "/api/v1/organizations/{organization_id}/rollouts/{rollout_id}": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/rollouts/{rollout_id}/tenants": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/rollouts/{rollout_id}/go-on": {"POST": needs("tenant.operate")},
    "/api/v1/organizations/{organization_id}/rollouts/{rollout_id}/retry": {"POST": needs("tenant.operate")},
    "/api/v1/organizations/{organization_id}/rollouts/{rollout_id}/end": {"POST": needs("tenant.operate")},
    "/api/v1/organizations/{organization_id}/report-plans": {
        "GET": needs("tenant.view"),
        "POST": needs("report.manage", body={"name": "Weekly figures", "parts": ["summary"], "every": "weekly"}),
    },
    "/api/v1/organizations/{organization_id}/report-plans/{plan_id}": {
        "GET": needs("tenant.view"),
        "PUT": needs("report.manage", body={"name": "Monthly figures", "parts": ["summary", "availability"]}),
        "DELETE": needs("report.manage"),
    },
    "/api/v1/organizations/{organization_id}/report-plans/{plan_id}/issue": {"POST": needs("report.manage")},
    "/api/v1/organizations/{organization_id}/reports": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/reports/{report_id}": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/reports/{report_id}/file": {"GET": needs("tenant.view", query="form=csv")},
    "/api/v1/organizations/{organization_id}/reports/{report_id}/links": {
        "GET": needs("report.manage"),
        "POST": needs("report.manage", body={"days": 30}),
    },
    "/api/v1/organizations/{organization_id}/reports/{report_id}/links/{report_link_id}": {
        "DELETE": needs("report.manage")
    },
    "/api/v1/organizations/{organization_id}/report-addresses": {
        "GET": needs("report.manage"),
        "POST": needs("organization.manage", body={"email": "board@acme.example"}),
    },
    "/api/v1/organizations/{organization_id}/report-addresses/{address_id}": {"DELETE": needs("organization.manage")},
    "/api/v1/organizations/{organization_id}/subscription": {"GET": needs("billing.view")},
    "/api/v1/organizations/{organization_id}/audit": {"GET": needs("audit.view")},
    "/api/v1/organizations/{organization_id}/audit/export": {"GET": needs("audit.view", query="kind=jsonl")},
    "/api/v1/organizations/{organization_id}/audit/feed": {"GET": needs("audit.view")},
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
    "/api/v1/organizations/{organization_id}/fleet": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/fleet/actions": {
        "POST": needs("tenant.operate", body={"kind": "set_ring", "ring": "canary", "tenants": ["{tenant_id}"]})
    },
    "/api/v1/organizations/{organization_id}/fleet/views": {
        "GET": needs("tenant.view"),
        "POST": needs("tenant.view", of_all=True, body={"name": "New", "filters": {"state": "failed"}}),
    },
    "/api/v1/organizations/{organization_id}/fleet/views/{fleet_view_id}": {
        "GET": needs("tenant.view"),
        "PATCH": needs("tenant.operate", body={"name": "Other"}),
        "DELETE": needs("tenant.operate"),
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
    "/api/v1/organizations/{organization_id}/keys/{key_id}/rotate": {"POST": needs("key.manage", body={})},
    "/api/v1/organizations/{organization_id}/service-accounts": {
        "GET": needs("member.view"),
        "POST": needs("member.manage", body={"name": "Tickets", "role": "viewer"}),
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
    "/api/v1/tenants/{tenant_id}/backups": {"GET": needs("tenant.view"), "POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/backups/{backup_id}": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/restore": {
        "POST": needs("tenant.operate", body={"backup": "{backup_id}", "confirm_name": "x"})
    },
    "/api/v1/tenants/{tenant_id}/clone": {
        "POST": needs("tenant.create", body={"backup": "{backup_id}", "name": "New"})
    },
    "/api/v1/tenants/{tenant_id}/drift": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/usage": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/receipts": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/receipts/{receipt_id}": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/isolation-receipt": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/exports": {"GET": needs("tenant.view"), "POST": needs("tenant.delete")},
    "/api/v1/tenants/{tenant_id}/exports/{export_id}": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/exports/{export_id}/file": {"GET": needs("tenant.delete", edge=True)},
    "/api/v1/tenants/{tenant_id}/undelete": {"POST": needs("tenant.delete")},
    "/api/v1/tenants/{tenant_id}/erase": {"POST": needs("tenant.delete", body={"confirm_name": "x"})},
    "/api/v1/tenants/{tenant_id}/sleep": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/wake": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/rotate-credentials": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/tokens": {
        "GET": needs("token.view"),
        "POST": needs("token.create", body={"name": "new"}),
    },
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}": {
        "GET": needs("token.view"),
        "PATCH": needs("token.create", body={"name": "new"}),
        "DELETE": needs("token.revoke"),
    },
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}/rotate": {"POST": needs("token.revoke", body={"overlap_hours": 1})},
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}/installers": {"GET": needs("token.view")},
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}/uses": {"GET": needs("token.view")},
    "/api/v1/tenants/{tenant_id}/tokens/{token_id}/quarantine": {
        "POST": needs("agent.quarantine", body={"reason": "leaked"})
    },
    "/api/v1/organizations/{organization_id}/content": {"GET": needs("tenant.view")},
    "/api/v1/organizations/{organization_id}/content/publish": {
        "POST": needs("tenant.operate", body={"tenants": ["a"]})
    },
    "/api/v1/organizations/{organization_id}/content-files": {
        "GET": needs("tenant.view"),
        "POST": needs("content.manage", body={"kind": "lists", "name": "new", "text": "key:value"}),
    },
    "/api/v1/content-files/{file_id}": {"GET": needs("tenant.view"), "DELETE": needs("content.manage")},
    "/api/v1/content-files/{file_id}/versions": {
        "GET": needs("tenant.view"),
        "POST": needs("content.manage", body={"text": "key:other"}),
    },
    "/api/v1/content-files/{file_id}/versions/{version_number}": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/content": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/content-files": {
        "GET": needs("tenant.view"),
        "POST": needs("tenant.operate", body={"kind": "lists", "name": "new", "text": "key:value"}),
    },
    "/api/v1/tenants/{tenant_id}/content/publish": {"POST": needs("tenant.operate")},
    "/api/v1/tenants/{tenant_id}/content/bundles": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/content/bundles/{bundle_id}": {"GET": needs("tenant.view")},
    "/api/v1/tenants/{tenant_id}/logtest": {"POST": needs("tenant.operate", edge=True, body={"event": "x"})},
    "/api/v1/agents": {"GET": people()},
    "/api/v1/agents/export": {"GET": people()},
    "/api/v1/tenants/{tenant_id}/agents": {"GET": needs("agent.view", edge=True)},
    "/api/v1/tenants/{tenant_id}/agents/import": {
        "POST": needs("token.create", edge=True, body={"client_keys": f"041 old-1 any {'ab' * 32}"})
    },
    "/api/v1/tenants/{tenant_id}/agents/{number}": {"GET": needs("agent.view", edge=True)},
    "/api/v1/tenants/{tenant_id}/agent-orders": {
        "GET": needs("agent.view"),
        "POST": needs("agent.manage", body={"kind": "upgrade", "agents": ["001"]}),
    },
    "/api/v1/tenants/{tenant_id}/moves": {
        "GET": needs("agent.view"),
        "POST": needs("agent.manage", body={"target": "{other_tenant_id}", "agents": ["001"]}),
    },
    "/api/v1/tenants/{tenant_id}/moves/{move_id}": {"GET": needs("agent.view"), "DELETE": needs("agent.manage")},
    "/api/v1/tenants/{tenant_id}/agent-orders/{order_id}": {"GET": needs("agent.view")},
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
    "/api/v1/operations/{operation_id}/abandon": {"POST": needs("tenant.delete")},
}
