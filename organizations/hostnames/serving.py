"""
Whose public pages are served at a host name, and at which name an organization's are linked to.

A process remembers an answer for half a minute: for so long a name that was given up, or that lost its proof, may still
be served.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from controlplane import rls
from controlplane.hosts import home_of, nothing_here
from organizations.domain_names.names import is_host
from organizations.hostnames.models import Hostname
from organizations.standings import standing_msps

REMEMBERED_SECONDS = 30.0
MOST_REMEMBERED = 1000

_remembered: OrderedDict[str, tuple[float, str]] = OrderedDict()
_lock = threading.Lock()


def owner_of(host: str) -> str:
    """
    The organization that has proven a host name; empty for none.

    Args: host: as a request's head has it, in lower case; a port must be the portal's own.
    """
    name, _, port = host.partition(":")
    if port != str(urlsplit(settings.BASE_URL).port or "") or not is_host(name):
        return ""
    now = time.monotonic()
    until, owner = _remembered.get(name, (0.0, ""))
    return owner if until > now else _remember(name, _asked(name), now + REMEMBERED_SECONDS)


def forget() -> None:
    """Ask anew from now on, in this process."""
    with _lock:
        _remembered.clear()


def address_for(organization_id: str) -> str:
    """
    Where an organization's public pages are linked to: at its own host name, else at that of the MSP that manages it,
    else at the portal. The caller reads as the organization, or as somebody who may enter it.
    """
    for each in (organization_id, *standing_msps(organization_id)):
        with rls.reading_as(f"org:{each}"):
            mine = Hostname.objects.filter(organization_id=each, state=Hostname.State.PROVEN)
            name = mine.order_by("proven_at", "id").values_list("name", flat=True).first()
        if name:
            parts = urlsplit(settings.BASE_URL)
            return f"{parts.scheme}://{name}" + (f":{parts.port}" if parts.port else "")
    return str(settings.BASE_URL)


def link_of(organization_id: str, page: str, token: str) -> str:
    """The whole address of a public page, where `address_for` has it. Args: page: the name of its route."""
    return address_for(organization_id) + reverse(page, args=[token])


def at_hostnames[View: Callable[..., HttpResponseBase]](owner: Callable[..., str] | None) -> Callable[[View], View]:
    """
    Marks a public page that organizations' own host names serve as well; nothing else answers there.

    At such a name it shows only what belongs to the organization that has the name, or to one that it manages. The
    attack: one lures people with its own name to another's page, or with another's to its own.

    Args: owner: whose thing the address names, given its parameters; raises NotFound where there is none. None for
    what looks the same wherever it is shown.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def at_home(request: HttpRequest, **named: Any) -> HttpResponseBase:
            home = home_of(request)
            if home and owner and not _serves(home, owner(**named)):
                raise nothing_here()
            return view(request, **named)

        at_home.at_hostnames = True  # type: ignore[attr-defined]
        return at_home  # type: ignore[return-value]

    return mark


def _serves(home: str, owner: str) -> bool:
    if home == owner:
        return True
    with rls.reading_as(f"org:{owner}"):
        return home in standing_msps(owner)


def _remember(name: str, owner: str, until: float) -> str:
    with _lock:
        _remembered[name] = (until, owner)
        _remembered.move_to_end(name)
        while len(_remembered) > MOST_REMEMBERED:
            _remembered.popitem(last=False)
    return owner


def _asked(name: str) -> str:
    rows = rls.call("organizations_owner_of_hostname", name, otherwise=lambda: _on_sqlite(name))
    return next((row["organization_id"] for row in rows), "")


def _on_sqlite(name: str) -> list[dict[str, str]]:
    proven = Hostname.objects.filter(name=name, state__in=Hostname.COUNTS, organization__state="active")
    return [{"organization_id": owner} for owner in proven.values_list("organization_id", flat=True)]
