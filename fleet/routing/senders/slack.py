"""
Slack's incoming webhooks: blocks of Block Kit.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from fleet.routing.models import Destination
from fleet.routing.senders.request import Content, Request, facts, json_request

LONGEST_HEADER = 150


def build(destination: Destination, content: Content) -> Request:
    """The secret is the webhook's whole address."""
    fields = [{"type": "mrkdwn", "text": f"*{name}*\n{escaped(value)}"} for name, value in facts(content)]
    title = str(content["title"])
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:LONGEST_HEADER]}},
        *([{"type": "section", "fields": fields}] if fields else []),
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<{content['link']}|Open it in the inbox>"}},
    ]
    return json_request(destination.secret, {"text": escaped(title), "blocks": blocks})


def escaped(text: str) -> str:
    """The attack: a rule or an agent whose name holds `<!channel>` or a link of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
