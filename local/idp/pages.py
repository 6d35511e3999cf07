"""The few pages that the stand-in providers show."""

from collections.abc import Mapping
from html import escape

from local.idp.people import Person
from local.web.messages import Request, Response

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 32rem; padding: 2rem 1rem; }
.what { border: 1px solid; border-radius: .5rem; padding: .5rem .75rem; font-size: .875rem; }
h1 { font-size: 1.5rem; margin: 1.5rem 0 .5rem; }
form { margin: .5rem 0; }
button { font: inherit; padding: .6rem .9rem; width: 100%; text-align: left; border-radius: .5rem; border: 1px solid;
  background: transparent; color: inherit; cursor: pointer; }
button:hover, button:focus-visible { outline: 2px solid; outline-offset: 2px; }
button span { display: block; font-size: .875rem; opacity: .75; }
label { display: block; margin: .75rem 0; }
input[type=email], input[type=text] { display: block; font: inherit; padding: .5rem; width: 100%;
  box-sizing: border-box; }
hr { margin: 1.5rem 0; border: 0; border-top: 1px solid; opacity: .3; }
"""
SUBMIT_SCRIPT = "document.forms[0].submit();\n"


def choose(kind: str, people: list[Person], hidden: Mapping[str, str], *, origin: str) -> Response:
    """The sign-in page: a button a person, and a form for anybody else. `hidden` is carried back by either."""
    carried = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in hidden.items())
    listed = "".join(
        f'<form method="post">{carried}<input type="hidden" name="person" value="{escape(person.sub)}">'
        f"<button>{escape(person.name)}<span>{escape(person.email)}</span></button></form>"
        for person in people
    )
    other = (
        f'<form method="post">{carried}'
        '<label>E-mail address<input type="email" name="email" required></label>'
        '<label>Name<input type="text" name="name"></label>'
        '<label><input type="checkbox" name="unverified" value="1"> this address was never verified</label>'
        "<button>Sign in as somebody else</button></form>"
    )
    return page(kind, "Who are you?", f"{listed}<hr>{other}", origin=origin)


def post_on(kind: str, address: str, fields: Mapping[str, str], *, origin: str) -> Response:
    """A form that sends itself to the portal; without script a button does."""
    carried = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in fields.items())
    form = f'<form method="post" action="{escape(address)}">{carried}<button>Continue to the portal</button></form>'
    return page(kind, "Signed in", form + '<script src="/submit.js"></script>', origin=origin)


def page(kind: str, title: str, body: str, *, origin: str = "") -> Response:
    """A whole page under a strict content policy; `origin` is where its forms may lead besides here."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · local stand-in {kind} provider</title><link rel="stylesheet" href="/style.css">'
        f'</head><body><p class="what">This is a local stand-in identity provider ({kind}). It knows no passwords and '
        f"is for trying the product on one machine only.</p><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self' {origin}; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Response(200, html.encode(), {"content-type": "text/html; charset=utf-8", **headers})


async def style(request: Request) -> Response:
    """The style sheet."""
    return Response.of_text(STYLE, content_type="text/css; charset=utf-8")


async def submit_script(request: Request) -> Response:
    """The script that sends the only form of its page."""
    return Response.of_text(SUBMIT_SCRIPT, content_type="text/javascript; charset=utf-8")
