"""
Jira Cloud: one issue for an alert.

Source: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post
"""

import base64
from typing import Any

from fleet.routing.models import Destination
from fleet.routing.senders.request import Content, Request, facts, json_request

LONGEST_SUMMARY = 254


def build(destination: Destination, content: Content) -> Request:
    """The secret is an API token of the account `user`."""
    settings = destination.settings
    lines = [_paragraph(f"{name}: {value}") for name, value in facts(content)]
    fields = {
        "project": {"key": settings["project"]},
        "issuetype": {"name": settings["issue_type"]},
        "summary": str(content["title"]).replace("\n", " ")[:LONGEST_SUMMARY],
        "description": {"type": "doc", "version": 1, "content": [*lines, _link(str(content["link"]))]},
        "labels": ["garrison", str(content["severity"])],
    }
    proof = base64.b64encode(f"{settings['user']}:{destination.secret}".encode()).decode()
    url = f"{settings['url'].rstrip('/')}/rest/api/3/issue"
    return json_request(url, {"fields": fields}, Authorization=f"Basic {proof}")


def _paragraph(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": text, **more}]}


def _link(address: str) -> dict[str, Any]:
    return _paragraph("Open it in the inbox", marks=[{"type": "link", "attrs": {"href": address}}])
