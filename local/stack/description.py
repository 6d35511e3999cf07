"""`stack.json`: what people and tests need to know of a running local stack."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.stack.keys import write_private
from local.stack.layout import Layout


@dataclass
class User:
    """Someone who can sign in to the local portal."""

    email: str
    organization: str
    role: str
    sign_in: str


@dataclass
class Description:
    """The running stack, as written for others to read. It holds an API key, so the file is its owner's alone."""

    layout: Layout
    api_key: str | None = None
    users: list[User] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    deaths: dict[str, list[float]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.layout.root / "stack.json"

    def write(self) -> None:
        layout = self.layout
        write_private(
            self.path,
            json.dumps(
                {
                    "portal": layout.portal,
                    "edge": layout.edge,
                    "dashboard_zone": layout.dashboard_zone,
                    "oidc_issuer": layout.oidc_issuer,
                    "saml_idp": layout.saml_idp,
                    "mail": layout.mail,
                    "dns": layout.dns,
                    "runtime": layout.runtime,
                    "nodes": layout.nodes,
                    "api_key": self.api_key,
                    "users": [asdict(user) for user in self.users],
                    "launcher": os.getpid(),
                    "parts": self.pids,
                    "deaths": self.deaths,
                },
                indent=2,
            ),
        )
