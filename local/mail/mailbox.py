"""The mails that came in, as the page and as tests read them."""

import email
import email.policy
import time
from dataclasses import asdict, dataclass
from html import escape
from urllib.parse import urlsplit

from local.web.messages import Request, Response
from local.web.routing import Routes

KEPT = 500
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 44rem; padding: 2rem 1rem; }
.what { border: 1px solid; border-radius: .5rem; padding: .5rem .75rem; font-size: .875rem; }
article { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem;
  margin: 1rem 0; padding: .75rem 1rem; }
h2 { font-size: 1.05rem; margin: 0; }
article p { margin: 0; font-size: .875rem; opacity: .75; }
pre { font: .875rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Received:
    """One mail. `text` is its plain form, `html` the other, `received_at` Unix time."""

    number: int
    to: list[str]
    sender: str
    subject: str
    text: str
    html: str
    message_id: str
    received_at: float


class Mailbox:
    """Everybody's mail, the newest first; only the last ones are kept, in memory."""

    def __init__(self) -> None:
        self.mails: list[Received] = []
        self.number = 0

    def take(self, recipients: list[str], raw: bytes) -> None:
        """A message that came by SMTP."""
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.number += 1
        forms = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        content = {kind: str(part.get_content()).replace("\r\n", "\n") if part else "" for kind, part in forms.items()}
        received = Received(
            number=self.number,
            to=list(recipients),
            sender=str(message["From"]),
            subject=str(message["Subject"]),
            text=content["plain"],
            html=content["html"],
            message_id=str(message["Message-ID"]),
            received_at=time.time(),
        )
        self.mails = [received, *self.mails][:KEPT]

    def routes(self) -> Routes:
        """What it answers."""
        return Routes(("GET", "/", self.page), ("GET", "/mails", self.listed), ("GET", "/style.css", self.style))

    async def listed(self, request: Request) -> Response:
        """`GET /mails?to=address`: the mails as JSON, the newest first."""
        wanted = request.query.get("to", "").lower()
        found = [asdict(mail) for mail in self.mails if not wanted or wanted in map(str.lower, mail.to)]
        return Response.of_json({"mails": found})

    async def page(self, request: Request) -> Response:
        """All mails, for a person to read and to follow their links."""
        shown = "".join(map(_article, self.mails)) or "<p>Nothing has been sent yet. Reload to look again.</p>"
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Local stand-in mail</title>'
            '<link rel="stylesheet" href="/style.css"></head><body>'
            '<p class="what">This is a local stand-in mail server. '
            "It shows everybody's mail and delivers none.</p>"
            f"<main><h1>Mail</h1>{shown}</main></body></html>"
        )
        policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
        headers = {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"}
        return Response(200, html.encode(), {"content-type": "text/html; charset=utf-8", **headers})

    async def style(self, request: Request) -> Response:
        """The style sheet."""
        return Response.of_text(STYLE, content_type="text/css; charset=utf-8")


def _article(mail: Received) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(mail.received_at))
    return (
        f"<article><h2>{escape(mail.subject)}</h2><p>To {escape(', '.join(mail.to))} at {at}</p>"
        f"<pre>{_linked(mail.text)}</pre></article>"
    )


def _linked(text: str) -> str:
    """The text with its links made to be followed: a mail's buttons are `[words](address)` in its plain form."""
    out = []
    for line in text.splitlines():
        words, between, rest = line.partition("](")
        is_link = line.startswith("[") and between and urlsplit(rest).scheme in ("http", "https")
        out.append(f'<a href="{escape(rest.rstrip(")"))}">{escape(words[1:])}</a>' if is_link else escape(line))
    return "\n".join(out)
