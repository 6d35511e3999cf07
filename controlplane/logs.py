"""What goes into a log line, and what is taken out of it first."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

HIDDEN = "[hidden]"

# Names whose values are secrets, whatever they look like.
_SECRET_NAME = re.compile(
    r"(?i)^code$|(?:^|[_-])(?:authorization|cookie|password|passwd|secret|token|assertion|samlresponse|api_?key|"
    r"private_?key|credential|session_?key|bearer|jwt)s?$"
)
# Texts that are secrets, whatever they are called: our tokens, JWTs, keys, and credentials in addresses.
_SECRET_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b([a-z]{2,8}_[a-z2-7]{1,40}_[a-z0-9]{1,40})_[0-9A-Za-z]{28}"), rf"\1_{HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
    (
        re.compile(r"(?i)([?&](?:code|state|token|access_token|id_token|assertion|saml\w+)=)[^&\s'\"<>]+"),
        rf"\1{HIDDEN}",
    ),
)
# What others add to their lines that is no fact but the whole request, address and query included.
_NO_FACTS = ("request",)


def only_facts(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor that drops the objects which Django adds to its own lines."""
    for name in _NO_FACTS:
        event.pop(name, None)
    return event


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor that replaces secrets, in nested values and tracebacks too."""
    # Names with an underscore are structlog's own and never printed.
    return {name: value if name[0] == "_" else without_secrets(value, name) for name, value in event.items()}


def without_secrets(value: Any, name: str = "") -> Any:
    """Returns ``value`` with secrets replaced. Args: name: what it is called, which alone can make it a secret."""
    if value and _SECRET_NAME.search(name) and not isinstance(value, int | float):
        return HIDDEN
    if isinstance(value, str):
        for pattern, replacement in _SECRET_TEXTS:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, dict):
        return {key: without_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [without_secrets(item) for item in value]
    # An object would be printed by its `repr`, which may hold anything.
    return value if value is None or isinstance(value, int | float) else without_secrets(str(value))


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
    only_facts,
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    hide_secrets,
]
