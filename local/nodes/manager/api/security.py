"""`/security`: the API's users, its roles, and its rules for authorization contexts."""

import re
from typing import Any

from local.nodes.manager.api.envelope import ApiError, bad_parameter, items, json_object
from local.nodes.manager.api.roles import ROLES, RuleBook
from local.nodes.manager.api.sessions import Sessions, may_run_as
from local.web.messages import Request, Response
from local.web.routing import Route

PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9]).{8,64}")
RULE_NAME = re.compile(r"[\w .-]{1,64}")
NO_USER = (5001, "The specified user does not exist")
NO_RULE = (4022, "The specified rule does not exist")
RULE_TAKEN = (4005, "The specified name or rule already exists")


class SecurityCalls:
    """The calls about who may use the API."""

    def __init__(self, sessions: Sessions, rule_book: RuleBook) -> None:
        self._sessions, self._rule_book = sessions, rule_book

    def routes(self) -> list[Route]:
        return [
            ("GET", "/security/users", self.users),
            ("PUT", "/security/users/{user}", self.change_password),
            ("GET", "/security/roles", self.roles),
            ("POST", "/security/roles/{role}/rules", self.tie_rules),
            ("GET", "/security/rules", self.rules),
            ("POST", "/security/rules", self.add_rule),
        ]

    async def users(self, request: Request) -> Response:
        rows = [_user_view(number, name) for number, name in enumerate(self._sessions.users, 1)]
        return items(rows, "All specified users were returned")

    async def change_password(self, request: Request, user: str) -> Response:
        password = json_object(request).get("password")
        if not isinstance(password, str) or not PASSWORD.fullmatch(password):
            raise ApiError(400, "Insecure user password provided: 8 to 64 with upper, lower, digit and symbol", 5007)
        users = self._sessions.users
        if not user.isdecimal() or not 1 <= int(user) <= len(users):
            return items([], "User could not be updated", failed={user: NO_USER})
        name = users[int(user) - 1]
        self._sessions.set_password(name, password)
        self._sessions.end_all()
        return items([_user_view(int(user), name)], "User was successfully updated")

    async def roles(self, request: Request) -> Response:
        rows = [{"id": number, "name": role.name} for number, role in ROLES.items()]
        return items(rows, "All specified roles were returned")

    async def tie_rules(self, request: Request, role: str) -> Response:
        """A number that is none belongs to no role and no rule."""
        asked = request.query.get("rule_ids", "").split(",")
        tied = {rule: self._rule_book.tie(_number(rule), _number(role)) for rule in asked}
        failed = {rule: NO_RULE for rule, done in tied.items() if not done}
        return items([rule for rule in asked if tied[rule]], "All rules were linked to role", failed=failed)

    async def rules(self, request: Request) -> Response:
        return items(self._rule_book.rules, "All specified security rules were returned")

    async def add_rule(self, request: Request) -> Response:
        body = json_object(request)
        name, rule = body.get("name"), body.get("rule")
        if not isinstance(name, str) or not RULE_NAME.fullmatch(name):
            raise bad_parameter("name", f"'{name}' is not a 'names'")
        if not isinstance(rule, dict):
            raise bad_parameter("rule", f"'{rule}' is not a 'object'")
        entry = self._rule_book.add(name, rule)
        if entry is None:
            return items([], "Security rule was not created", failed={name: RULE_TAKEN})
        return items([entry], "Security rule was successfully created")


def _user_view(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "username": name, "allow_run_as": may_run_as(name), "roles": [1]}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1
