"""The API's front: who is asking, how often, and which call it is."""

from local.nodes.manager.api.envelope import ApiError, data, json_object
from local.nodes.manager.api.roles import ADMINISTRATOR, RuleBook, permitted
from local.nodes.manager.api.sessions import Sessions
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Route, Routes

SIGN_IN = "/security/user/authenticate"
RUN_AS = f"{SIGN_IN}/run_as"


class ServerApi:
    """Answers 55000."""

    def __init__(self, sessions: Sessions, rule_book: RuleBook, routes: list[Route]) -> None:
        self._sessions, self._rule_book = sessions, rule_book
        self._routes = Routes(*routes)

    async def handle(self, request: Request) -> Response:
        try:
            self._sessions.throttle.take_request()
            if (request.method, request.path) in (("POST", SIGN_IN), ("GET", SIGN_IN), ("POST", RUN_AS)):
                return self._sign_in(request)
            roles = self._sessions.roles_of(request.headers.get("authorization", ""))
            if request.path == SIGN_IN and request.method == "DELETE":
                self._sessions.end_all()
                return data({"message": "User was successfully logged out"})
            if not permitted(roles, request.method, request.path):
                raise ApiError(403, "Permission denied: Resource type: *:*", 4000)
            return await self._routes.answer(request, _refuse)
        except ApiError as error:
            return error.response()
        except BadRequest as error:
            return ApiError(400, str(error)).response()

    def _sign_in(self, request: Request) -> Response:
        context = json_object(request) if request.path == RUN_AS else None
        roles = [ADMINISTRATOR] if context is None else self._rule_book.roles_of(context)
        token = self._sessions.sign_in(request.headers.get("authorization", ""), request.peer, roles, context)
        if request.query.get("raw") == "true":
            return Response.of_text(token)
        return data({"token": token})


def _refuse(status: int) -> Response:
    if status == 405:
        return ApiError(405, "Specified method is invalid for this resource").response()
    return ApiError(404, "404: Not Found").response()
