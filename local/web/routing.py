"""A table of routes: method, path pattern, answer."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from local.web.messages import Request, Response

Answer = Callable[..., Awaitable[Response]]
Route = tuple[str, str, Answer]  # method, path pattern, answer
PARAMETER = re.compile(r"\{(\w+)\}")


class Routes:
    """Routes in the order they are tried. "{name}" in a path stands for one segment, given to the answer by name."""

    def __init__(self, *table: Route) -> None:
        self._table = [(method, self._pattern(path), answer) for method, path, answer in table]

    @staticmethod
    def _pattern(path: str) -> re.Pattern[str]:
        literal = PARAMETER.split(path)
        parts = [f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(literal)]
        return re.compile("".join(parts))

    def find(self, request: Request) -> tuple[Answer, dict[str, str]] | int:
        """The answer and the path's parameters; or the status to refuse with, 405 where only the method is wrong."""
        refusal = 404
        for method, pattern, answer in self._table:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if method == request.method:
                return answer, match.groupdict()
            refusal = 405
        return refusal

    async def answer(self, request: Request, refuse: Callable[[int], Response], *context: Any) -> Response:
        """Calls the route's answer with the request, `context`, and the path's parameters."""
        found = self.find(request)
        if isinstance(found, int):
            return refuse(found)
        answer, parameters = found
        return await answer(request, *context, **parameters)
