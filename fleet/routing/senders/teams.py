"""
Microsoft Teams by a workflow ("When a Teams webhook request is received"): an adaptive card.

Source: https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams
"""

import re

from fleet.routing.models import Destination
from fleet.routing.senders.request import Content, Request, facts, json_request


def build(destination: Destination, content: Content) -> Request:
    """The secret is the workflow's whole address."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": plain(str(content["title"])), "weight": "Bolder", "wrap": True},
            {
                "type": "FactSet",
                "facts": [{"title": name, "value": plain(value)} for name, value in facts(content)],
            },
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open it in the inbox", "url": content["link"]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json_request(destination.secret, {"type": "message", "attachments": [attachment]})


def plain(text: str) -> str:
    """The attack: a name that is a link in Markdown, which cards read."""
    return re.sub(r"([\\\[\]()*_`])", r"\\\1", text)
