"""`/logtest`: what an event would come to, by the code that analyses the events of agents."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from local.nodes.manager.alerts import alert_of
from local.nodes.manager.api.envelope import ApiError, bad_parameter, data, json_object
from local.nodes.manager.rules import ALERTS_FROM, RuleEngine
from local.nodes.manager.ruleset import Loaded, Ruleset
from local.web.messages import Request, Response
from local.web.routing import Route

FORMATS = (
    *("syslog", "json", "snort-full", "squid", "eventlog", "eventchannel", "audit", "mysql_log", "postgresql_log"),
    *("nmapg", "iis", "command", "full_command", "djb-multilog", "multi-line"),
)
MAX_SESSIONS, SESSION_SECONDS = 64, 900.0


@dataclass
class Session:
    """Rules that count, count within one session. It keeps the rule set that it began with."""

    loaded: Loaded
    engine: RuleEngine
    used_at: float = field(default_factory=time.monotonic)


class LogtestCalls:
    """The calls of tests. A session ends once it is unused for a quarter of an hour; of many the oldest goes first."""

    def __init__(self, manager: str, ruleset: Ruleset) -> None:
        self._manager, self._ruleset = manager, ruleset
        self._sessions: dict[str, Session] = {}

    def routes(self) -> list[Route]:
        return [("PUT", "/logtest", self.test), ("DELETE", "/logtest/sessions/{token}", self.end)]

    async def test(self, request: Request) -> Response:
        body = json_object(request)
        event, location = _text(body, "event"), _text(body, "location")
        if body.get("log_format") not in FORMATS:
            raise bad_parameter("log_format", f"{body.get('log_format')!r} is not one of {list(FORMATS)}")
        token, messages = self._session(str(body.get("token", "")))
        output, alert = self._output(self._sessions[token], event, location)
        return data({"token": token, "messages": messages, "output": output, "alert": alert, "codemsg": 0})

    async def end(self, request: Request, token: str) -> Response:
        if self._sessions.pop(token, None) is None:
            raise ApiError(400, f"Failure to remove session. token '{token}' not found", 7316)
        return data({"messages": [f"INFO: (7206): The session '{token}' was closed successfully"], "codemsg": 0})

    def _session(self, token: str) -> tuple[str, list[str]]:
        now = time.monotonic()
        self._sessions = {known: one for known, one in self._sessions.items() if now - one.used_at < SESSION_SECONDS}
        if token in self._sessions:
            self._sessions[token].used_at = now
            return token, []
        unknown = [f"WARNING: (7309): '{token}' is not a valid token"] if token else []
        if len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda known: self._sessions[known].used_at)]
        fresh, loaded = secrets.token_hex(4), self._ruleset.loaded
        self._sessions[fresh] = Session(loaded, loaded.engine())
        warned = [f"WARNING: {words}" for words in loaded.warnings]
        return fresh, [*unknown, f"INFO: (7202): Session initialized with token '{fresh}'", *warned]

    def _output(self, session: Session, line: str, location: str) -> tuple[dict[str, Any], bool]:
        event = session.loaded.decoders.decode(line, location)
        match = session.engine.evaluate("000", event)
        own, now = {"id": "000", "name": self._manager}, time.time()
        if match is not None:
            output = alert_of(match, event, agent=own, manager=self._manager, id=f"{now:.6f}", now=now)
            return output, match.rule.level >= ALERTS_FROM
        decoder = {"name": event.decoder} if event.decoder else {}
        seen = {"full_log": line, "predecoder": event.predecoder, "decoder": decoder, "data": event.data}
        return {"agent": own, "manager": {"name": self._manager}, **seen, "location": location}, False


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_parameter(name, f"'{name}' is a required property")
    return value
