"""Who is asking: Basic users, or the person whom the dashboard's proxy headers name; and what each may do."""

import base64
import binascii
import fnmatch
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from local.nodes.indexer.errors import SearchError
from local.web.messages import Request

# permission -> index patterns it holds for ("*" also covers calls about the whole cluster)
Permissions = Mapping[str, tuple[str, ...]]

EVERYTHING: Permissions = {"monitor": ("*",), "read": ("*",), "write": ("*",), "manage": ("*",)}
READING: Permissions = {"monitor": ("*",), "read": ("wazuh-*",)}

USERS: Mapping[str, Permissions] = {
    "admin": EVERYTHING,
    "kibanaserver": {"monitor": ("*",), "read": (".kibana*",), "write": (".kibana*",)},
}

# Backend roles that the proxy may assert. None of them is an administrator of the cluster.
PROXY_ROLES: Mapping[str, Permissions] = {
    "tenant_admin": READING,
    "tenant_operator": READING,
    "tenant_readonly": READING,
}


@dataclass(frozen=True)
class Identity:
    """An authenticated caller."""

    user: str
    roles: tuple[str, ...]
    permissions: tuple[Permissions, ...]

    def may(self, permission: str, index: str) -> bool:
        patterns = (pattern for held in self.permissions for pattern in held.get(permission, ()))
        return any(fnmatch.fnmatchcase(index, pattern) for pattern in patterns)

    def require(self, permission: str, index: str = "*") -> None:
        """Raises SearchError 403 where the caller may not."""
        if not all(self.may(permission, name) for name in index.split(",")):
            user = f"User [name={self.user}, backend_roles={list(self.roles)}]"
            reason = f"no permissions for [indices:{permission}] and {user}"
            raise SearchError(403, "security_exception", reason)


def permissions_of(user: str, roles: tuple[str, ...]) -> tuple[Permissions, ...]:
    """What an internal user, or somebody whom the proxy named with these roles, may do."""
    return proxied(roles) if roles else (USERS[user],) if user in USERS else ()


def proxied(roles: tuple[str, ...]) -> tuple[Permissions, ...]:
    """What the proxy's roles allow."""
    return tuple(PROXY_ROLES[role] for role in roles if role in PROXY_ROLES)


class Access:
    """Checks credentials. `passwords` maps the internal users to theirs."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {user: password for user, password in passwords.items() if password}

    def identify(self, request: Request) -> Identity:
        """Raises SearchError 401 where nobody is named or the password is wrong."""
        if "authorization" in request.headers:
            return self._basic(request.headers["authorization"])
        if "x-proxy-user" in request.headers:
            return self._proxied(request)
        raise SearchError(401, "security_exception", "Unauthorized")

    def _basic(self, header: str) -> Identity:
        scheme, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        known = self._passwords.get(user, "")
        if scheme.lower() != "basic" or not known or not hmac.compare_digest(known.encode(), password.encode()):
            raise SearchError(401, "security_exception", "Unauthorized")
        return Identity(user, (), (USERS[user],))

    def _proxied(self, request: Request) -> Identity:
        """As with the real proxy domain, the headers count only where x-forwarded-for shows that a proxy set them."""
        if "x-forwarded-for" not in request.headers:
            raise SearchError(401, "security_exception", "Unauthorized: proxy headers without x-forwarded-for")
        listed = request.headers.get("x-proxy-roles", "")
        roles = tuple(role.strip() for role in listed.split(",") if role.strip())
        return Identity(request.headers["x-proxy-user"], roles, proxied(roles))
