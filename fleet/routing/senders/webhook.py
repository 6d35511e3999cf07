"""
A webhook of a ticket system or anything else, signed as Standard Webhooks has it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import time

from fleet.routing.models import Destination
from fleet.routing.senders.request import AS_JSON, Content, Request, encoded


def build(destination: Destination, content: Content) -> Request:
    """The secret is what both sides sign with; `webhook-id` stays the same when a notice is tried again."""
    body = encoded({"type": f"alert.{content['what']}", "timestamp": content["at"], "data": dict(content)})
    message_id, now = str(content["notice"]), str(int(time.time()))
    headers = {
        **AS_JSON,
        "webhook-id": message_id,
        "webhook-timestamp": now,
        "webhook-signature": f"v1,{signature(destination.secret, message_id, now, body)}",
    }
    return Request(destination.settings["url"], body, headers)


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `id.timestamp.body`, in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
