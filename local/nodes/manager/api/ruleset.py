"""`/rules/files`, `/decoders/files`, `/lists/files`: a manager's own rules. A change is in use at once, or is none."""

import re

from local.nodes.manager.api.envelope import ApiError, items
from local.nodes.manager.ruleset import FOLDERS, Ruleset, entries_in
from local.nodes.manager.xml_files import BadFile, roots_of
from local.web.messages import Request, Response
from local.web.routing import Route

NAME = {
    "rules": re.compile(r"[\w.-]+\.xml"),
    "decoders": re.compile(r"[\w.-]+\.xml"),
    "lists": re.compile(r"(?!\.{1,2}$)[\w.-]+"),
}
OCTETS = "application/octet-stream"
NO_FILE = (1906, "File does not exist")
TITLES = {"rules": "Rule", "decoders": "Decoder", "lists": "CDB list file"}


def required_octets(request: Request) -> str:
    """The text of a body that comes as a file. Raises ApiError."""
    if request.headers.get("content-type") != OCTETS:
        raise ApiError(415, "Invalid content-type", 6002)
    try:
        return request.body.decode()
    except UnicodeDecodeError as error:
        raise ApiError(400, "Error parsing body request to UTF-8", 1911) from error


class RulesetCalls:
    """The calls about files of rules, decoders and lists."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset

    def routes(self) -> list[Route]:
        return [
            ("GET", "/{kind}/files/{name}", self.show),
            ("PUT", "/{kind}/files/{name}", self.put),
            ("DELETE", "/{kind}/files/{name}", self.remove),
        ]

    async def show(self, request: Request, kind: str, name: str) -> Response:
        self._check(kind, name)
        file, path = self._ruleset.file(kind, name), f"{FOLDERS[kind]}/{name}"
        if not file.is_file():
            return items([], "No file was returned", failed={path: NO_FILE})
        text = file.read_text()
        if request.query.get("raw") == "true":
            return Response.of_text(text)
        if kind != "lists":
            raise ApiError(501, "This stand-in shows files of rules and decoders with raw=true alone")
        return items([entries_in(text)], "CDB list was returned")

    async def put(self, request: Request, kind: str, name: str) -> Response:
        self._check(kind, name)
        text, file, path = required_octets(request), self._ruleset.file(kind, name), f"{FOLDERS[kind]}/{name}"
        if file.exists() and request.query.get("overwrite") != "true":
            return items([], _not_put(kind), failed={path: (1905, "File already exists")})
        if not text:
            return items([], _not_put(kind), failed={path: (1112, "Empty files are not supported")})
        try:
            entries_in(text) if kind == "lists" else roots_of(text)
        except BadFile as error:
            return items([], _not_put(kind), failed={path: (1800 if kind == "lists" else 1113, str(error))})
        try:
            with self._ruleset.changing(file):
                file.write_text(text)
                warnings = self._ruleset.reload()
        except BadFile as error:
            return items([], _not_put(kind), failed={path: (1113, f"XML syntax error: {error}")})
        return items([path], " ".join((f"{TITLES[kind]} was successfully uploaded", *warnings)))

    async def remove(self, request: Request, kind: str, name: str) -> Response:
        self._check(kind, name)
        file, path = self._ruleset.file(kind, name), f"{FOLDERS[kind]}/{name}"
        if not file.is_file():
            return items([], f"Could not delete {kind}", failed={path: NO_FILE})
        try:
            with self._ruleset.changing(file):
                file.unlink()
                self._ruleset.reload()
        except BadFile as error:
            return items([], f"Could not delete {kind}", failed={path: (1212, str(error))})
        return items([path], f"{TITLES[kind]} was successfully deleted")

    @staticmethod
    def _check(kind: str, name: str) -> None:
        if kind not in FOLDERS:
            raise ApiError(404, "404: Not Found")
        if not NAME[kind].fullmatch(name):
            raise ApiError(400, f"'{name}' is not a file's name. Failed validating parameter 'filename'")


def _not_put(kind: str) -> str:
    return f"Could not upload {TITLES[kind].lower()}"
