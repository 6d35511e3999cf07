"""Which test of the Worker keeps strangers out of each operation of the edge.

The Worker's own suite runs them in workerd; here each operation of `contracts/edge-api.json` must name one that exists.
"""

CONTROL_DOOR = ("control_door.test.ts", "opens for a proof of exactly this request")
KEY_ROLES = ("control_door.test.ts", "keeps the access key to its three calls")
GUESSED_IDS = ("control_door.test.ts", "are refused without making an object")

EDGE: dict[tuple[str, str], tuple[str, str]] = {
    ("GET", "/livez"): ("control_door.test.ts", "refuses a host that is not its own"),
    ("GET", "/readyz"): ("control_door.test.ts", "refuses a host that is not its own"),
    ("PUT", "/v1/tenants/{id}"): GUESSED_IDS,
    ("GET", "/v1/tenants/{id}"): GUESSED_IDS,
    ("DELETE", "/v1/tenants/{id}"): ("control_door.test.ts", "takes a write's proof once"),
    ("GET", "/v1/tenants"): CONTROL_DOOR,
    ("GET", "/v1/changes"): CONTROL_DOOR,
    ("PUT", "/v1/tenants/{id}/tokens/{token}"): KEY_ROLES,
    ("GET", "/v1/tenants/{id}/tokens/{token}"): KEY_ROLES,
    ("DELETE", "/v1/tenants/{id}/tokens/{token}"): KEY_ROLES,
    ("GET", "/v1/tenants/{id}/agents"): KEY_ROLES,
    ("POST", "/v1/tenants/{id}/agents/{agent}/quarantine"): KEY_ROLES,
    ("POST", "/v1/tenants/{id}/dashboard-codes"): ("dashboard_session.test.ts", "does not open another tenant's dashboard"),
    ("POST", "/v1/tenants/{id}/revocations"): (
        "dashboard_end.test.ts",
        "is withdrawn by grant, connection, organization or portal session, if it is older than the rule",
    ),
    ("POST", "/api/agents/enroll"): (
        "enrollment.test.ts",
        "makes no object for a malformed token or an invented tenant",
    ),
    ("GET", "/api/events"): ("stream.test.ts", "never shows one tenant's events to another"),
}
