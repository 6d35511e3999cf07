"""What an agent is after enrollment, and how it gets there through the edge's HTTP door."""

import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from local.stack.keys import write_private


class Refused(Exception):
    """The edge refused the enrollment; `code` is its reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Identity:
    """An enrolled agent: its key for the channel and its credential for the connector."""

    agent_id: str
    name: str
    key: str
    connector_id: str
    connector_secret: str
    manager_url: str


def enroll(edge: str, token: str, name: str, *, enrollment_id: str = "") -> Identity:
    """Trades an enrollment token for an identity; repeating an `enrollment_id` gets the same answer.

    Raises:
        Refused: with the edge's reason.
    """
    body = {"token": token, "enrollment_id": enrollment_id or str(uuid.uuid4()), "name": name, "version": "v4.14.7"}
    response = httpx.post(f"{edge}/api/agents/enroll", json=body, timeout=30)
    answer = response.json()
    if response.is_error:
        raise Refused(answer["code"], answer["message"])
    connector = answer["connector"]
    return Identity(
        answer["agent_id"], name, answer["key"], connector["id"], connector["secret"], answer["manager_url"]
    )


def remembered(folder: Path, edge: str, token_file: Path, name: str) -> Identity:
    """The identity kept in `folder`, or a new one. The enrollment id is kept first: a crash in between enrolls once."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, attempt = folder / "identity.json", folder / "enrollment-id"
    if kept.exists():
        return Identity(**json.loads(kept.read_text()))
    if not attempt.exists():
        write_private(attempt, str(uuid.uuid4()))
    identity = enroll(edge, token_file.read_text().strip(), name, enrollment_id=attempt.read_text())
    write_private(kept, json.dumps(asdict(identity)))
    return identity
