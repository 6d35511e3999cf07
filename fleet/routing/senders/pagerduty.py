"""
PagerDuty's Events API v2: an incident is triggered, acknowledged and resolved under the alert's own key.

Source: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from fleet.routing.models import Destination
from fleet.routing.senders.request import Content, Request, facts, json_request

HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
ACTIONS = {"acknowledged": "acknowledge", "closed": "resolve"}
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning"}
LONGEST_SUMMARY = 1024


def build(destination: Destination, content: Content) -> Request:
    """The secret is the integration's routing key."""
    action = ACTIONS.get(content["what"], "trigger")
    event = {"routing_key": destination.secret, "event_action": action, "dedup_key": content["key"]}
    if action == "trigger":
        event |= {
            "client": "Garrison",
            "client_url": content["link"],
            "payload": {
                "summary": str(content["title"])[:LONGEST_SUMMARY],
                "source": content.get("agent") or content.get("tenant") or "Garrison",
                "severity": SEVERITIES.get(content["severity"], "warning"),
                "timestamp": content["at"],
                "custom_details": dict(facts(content)),
            },
        }
    return json_request(f"{HOSTS[destination.settings['region']]}/v2/enqueue", event)
