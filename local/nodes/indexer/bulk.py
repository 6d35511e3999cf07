"""`_bulk`: pairs of lines, one answer an item; the request is one transaction, committed before it is answered."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError

ACTIONS = ("index", "create", "delete")
INDEX_NAME = re.compile(r"(?![-_+])[^A-Z\\/*?\"<>| ,#:]{1,255}")
MAX_ID_BYTES = 512


def bulk(documents: Documents, body: bytes, default_index: str | None) -> dict[str, Any]:
    """Carries a bulk body out; raises SearchError 400 where it is no bulk body at all."""
    started = time.monotonic()
    if not body.endswith(b"\n"):
        raise _malformed("The bulk request must be terminated by a newline [\\n]")
    with documents.transaction():
        items = [
            {action: _carry_out(documents, action, target, source, default_index)}
            for action, target, source in _read(body)
        ]
    failed = any(result["status"] >= 300 and result["status"] != 404 for item in items for result in item.values())
    return {"took": int((time.monotonic() - started) * 1000), "errors": failed, "items": items}


def _read(body: bytes) -> Iterator[tuple[str, dict[str, Any], bytes | None]]:
    """Action, target and document of each item; a deletion has no document."""
    lines = enumerate(body.split(b"\n"), 1)
    for number, line in lines:
        if line.strip():
            action, target = _read_action(line, number)
            yield action, target, None if action == "delete" else next(lines, (0, b""))[1]


def _malformed(reason: str) -> SearchError:
    return SearchError(400, "illegal_argument_exception", reason)


def _read_action(line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        parsed = json.loads(line)
        ((action, target),) = parsed.items()
    except (ValueError, AttributeError) as error:
        raise _malformed(f"Malformed action/metadata line [{number}]") from error
    if action not in ACTIONS or not isinstance(target, dict):
        raise _malformed(f"Malformed action/metadata line [{number}], the stand-in knows {', '.join(ACTIONS)}")
    return action, target


def _carry_out(
    documents: Documents, action: str, target: dict[str, Any], source: bytes | None, default_index: str | None
) -> dict[str, Any]:
    """One item's result, as it stands in the answer."""
    index, id = target.get("_index") or default_index or "", target.get("_id")
    result: dict[str, Any] = {"_index": index, "_id": id}
    try:
        if source is None:
            return {**result, **delete_document(documents, index, id)}
        return {**result, **put_document(documents, index, id, source, only_new=action == "create")}
    except SearchError as error:
        return {**result, "status": error.status, "error": error.cause()}


def put_document(documents: Documents, index: str, id: Any, source: bytes, *, only_new: bool) -> dict[str, Any]:
    """Stores one document; the result part of its answer. Raises SearchError 400 or 409."""
    if not INDEX_NAME.fullmatch(index):
        raise SearchError(400, "invalid_index_name_exception", f"Invalid index name [{index}]")
    if not isinstance(id, str) or not 0 < len(id.encode()) <= MAX_ID_BYTES:
        raise _malformed("the stand-in indexer needs an _id of 1 to 512 bytes")
    try:
        document = json.loads(source)
    except ValueError as error:
        raise SearchError(400, "mapper_parsing_exception", "failed to parse") from error
    if not isinstance(document, dict):
        raise SearchError(400, "mapper_parsing_exception", "a document must be an object")
    if only_new and documents.get(index, id):
        raise SearchError(
            409, "version_conflict_engine_exception", f"[{id}]: version conflict, document already exists"
        )
    version = documents.put(index, id, document)
    created = version == 1
    return {"_version": version, "result": "created" if created else "updated", "status": 201 if created else 200}


def delete_document(documents: Documents, index: str, id: Any) -> dict[str, Any]:
    """Removes one document; the result part of its answer."""
    found = documents.delete(index, str(id))
    return {"result": "deleted" if found else "not_found", "status": 200 if found else 404}
