"""The records, as name server, page and tests see them."""

from html import escape

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from local.idp.process import form_of
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes

SECONDS = 1
LONGEST_TEXT = 255
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 44rem; padding: 2rem 1rem; }
.what { border: 1px solid; border-radius: .5rem; padding: .5rem .75rem; font-size: .875rem; }
code { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
label { display: block; margin: .75rem 0; }
input { display: block; font: inherit; padding: .5rem; width: 100%; box-sizing: border-box; }
button { font: inherit; padding: .5rem .9rem; }
"""


class Zone:
    """TXT records by name, in memory."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}

    def answer(self, packet: bytes) -> bytes | None:
        """The answer to a question (RFC 1035); None for what is no question."""
        try:
            asked = dns.message.from_wire(packet)
        except dns.exception.DNSException:
            return None
        if asked.flags & dns.flags.QR or len(asked.question) != 1:
            return None
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.AA | dns.flags.RA
        question = asked.question[0]
        texts = self.records.get(question.name.to_text(omit_final_dot=True).lower())
        if texts is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT:
            quoted = [f'"{text}"' for text in texts]
            reply.answer.append(dns.rrset.from_text(question.name, SECONDS, "IN", "TXT", *quoted))
        return reply.to_wire()

    def routes(self) -> Routes:
        """The page that publishes records."""
        return Routes(
            ("GET", "/", self.page),
            ("POST", "/", self.publish),
            ("GET", "/records", self.listed),
            ("GET", "/style.css", self.style),
        )

    async def publish(self, request: Request) -> Response:
        """Adds a record (`name`, `text`); without a text it takes the name's records away."""
        form = form_of(request)
        name, text = form.get("name", "").strip().rstrip(".").lower(), form.get("text", "").strip()
        if not name or len(text) > LONGEST_TEXT or '"' in text or not (name + text).isprintable():
            raise BadRequest("Give a name, and a text of at most 255 characters without quotes.")
        if text:
            self.records[name] = [*self.records.get(name, []), text]
        else:
            self.records.pop(name, None)
        return Response(303, headers={"location": "/"})

    async def listed(self, request: Request) -> Response:
        """`GET /records`: the records as JSON."""
        return Response.of_json(self.records)

    async def page(self, request: Request) -> Response:
        """Records, and a form for another one."""
        rows = "".join(
            f"<p><code>{escape(name)} TXT “{escape(text)}”</code></p>"
            for name, texts in sorted(self.records.items())
            for text in texts
        )
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Local stand-in name server</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/style.css"></head><body>'
            '<p class="what">This is a local stand-in name server. '
            "Whoever opens this page publishes records; they are gone when it ends.</p><main><h1>TXT records</h1>"
            f"{rows or '<p>None yet.</p>'}"
            '<form method="post"><label>Name<input name="name" required></label><label>Text<input name="text"></label>'
            "<button>Publish</button></form>"
            "<p>Without a text, the records of the name are taken away.</p></main></body></html>"
        )
        policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'"
        headers = {"content-security-policy": policy, "cache-control": "no-store"}
        return Response(200, html.encode(), {"content-type": "text/html; charset=utf-8", **headers})

    async def style(self, request: Request) -> Response:
        """The style sheet."""
        return Response.of_text(STYLE, content_type="text/css; charset=utf-8")
