"""What both stand-in providers do the same way: read a form, and run as a process."""

from urllib.parse import parse_qs

from local.web import process
from local.web.messages import BadRequest, Request
from local.web.routing import Routes


def run(routes: Routes, port: int) -> int:
    """Serves until the end; returns the exit code."""
    return process.run(routes, port, what="identity provider")


def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form; of a repeated one the last counts."""
    try:
        fields = parse_qs(request.body.decode(), keep_blank_values=True)
    except UnicodeDecodeError as error:
        raise BadRequest("The form is not UTF-8.") from error
    return {name: values[-1] for name, values in fields.items()}
