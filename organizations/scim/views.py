"""The doors of SCIM: one address a resource, opened by a provisioning token and by nothing else."""

from collections.abc import Callable
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.parsers import StrictJSONParser
from controlplane.api.views import ApiDoor
from controlplane.problems import NotFound
from organizations.actions import directory, directory_groups
from organizations.models import Connection
from organizations.scim import documents, errors
from organizations.scim.authentication import ScimAuthentication
from organizations.scim.errors import MEDIA_TYPE, ScimProblem
from organizations.scim.lists import Asked, Groups, Kind, Users, enveloped, listed
from organizations.scim.resources import address_of, asks_for, shown, version_of


class ScimParser(StrictJSONParser):
    """The media type of SCIM; plain JSON is taken too."""

    media_type = MEDIA_TYPE


class ScimRenderer(JSONRenderer):
    """Answers in the media type of SCIM."""

    media_type = MEDIA_TYPE
    charset = "utf-8"


class OneForm(BaseContentNegotiation):
    """Whatever a client says it accepts: there is one form of answers (RFC 7644 §3.8)."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The first for the media type."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((each for each in parsers if each.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The only one."""
        return renderers[0], renderers[0].media_type


class ScimDoor(ApiDoor):
    """What all doors share: sign-in by token, form of requests, answers and errors."""

    authentication_classes = [ScimAuthentication]
    permission_classes = []
    parser_classes = [ScimParser, StrictJSONParser]
    renderer_classes = [ScimRenderer]
    content_negotiation_class = OneForm
    schema = None

    def get_exception_handler(self) -> Callable[..., Any]:
        """Errors in the form of SCIM."""
        return errors.answer

    @property
    def connection(self) -> Connection:
        """Whose directory it is: the token's."""
        found: Connection = self.request.auth.connection  # type: ignore[union-attr]
        return found

    @property
    def address(self) -> str:
        """The service's address, without a slash at its end."""
        return address_of(self.connection)


class ServiceProviderConfig(ScimDoor):
    """What the service can do."""

    def get(self, request: Request, connection_id: str) -> Response:
        """Read it."""
        return Response(documents.service_provider_config(self.address))


class ResourceTypes(ScimDoor):
    """Kinds of resources."""

    def get(self, request: Request, connection_id: str) -> Response:
        """List them."""
        return _all_of(documents.resource_types(self.address))


class OneResourceType(ScimDoor):
    """One kind of resources."""

    def get(self, request: Request, connection_id: str, name: str) -> Response:
        """Read it."""
        return Response(_by_id(documents.resource_types(self.address), name))


class Schemas(ScimDoor):
    """Schemas of the resources."""

    def get(self, request: Request, connection_id: str) -> Response:
        """List them."""
        return _all_of(documents.schemas(self.address))


class OneSchema(ScimDoor):
    """One schema."""

    def get(self, request: Request, connection_id: str, name: str) -> Response:
        """Read it."""
        return Response(_by_id(documents.schemas(self.address), name))


class Collection(ScimDoor):
    """All users or groups of the directory."""

    kind: Kind
    create: Callable[..., Any]

    def get(self, request: Request, connection_id: str) -> Response:
        """List them: filter, sortBy, startIndex, count, attributes, excludedAttributes."""
        return Response(listed(self.kind, self.connection, Asked.of(request.query_params)))

    def post(self, request: Request, connection_id: str) -> Response:
        """Make one."""
        made = type(self).create(by=self.actor, connection=self.connection, given=request.data)
        return _answer(self, request, made, status=201)


class Search(ScimDoor):
    """Lists whose query is too private, or too long, for an address (RFC 7644 §3.4.3)."""

    kind: Kind

    def post(self, request: Request, connection_id: str) -> Response:
        """List them."""
        given = {name: ",".join(value) if isinstance(value, list) else value for name, value in _texts(request.data)}
        return Response(listed(self.kind, self.connection, Asked.of(given)))


class One(ScimDoor):
    """One user or group."""

    kind: Kind
    replace: Callable[..., Any]
    patched: Callable[..., Any]
    remove: Callable[..., Any]
    noun: str

    def get(self, request: Request, connection_id: str, **resource: str) -> Response:
        """Read it."""
        row = self.kind.rows(self.connection, whole=False).filter(pk=self.resource_id).first()
        if row is None:
            raise NotFound(f"There is no {self.noun} {self.resource_id[:64]}.", hint="")
        if version_of(row) in [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]:
            return Response(status=304, headers={"ETag": version_of(row)})
        return _answer(self, request, row)

    def put(self, request: Request, connection_id: str, **resource: str) -> Response:
        """Replace it."""
        return _answer(self, request, type(self).replace(**self._which(), given=request.data))

    def patch(self, request: Request, connection_id: str, **resource: str) -> Response:
        """Change it."""
        row = type(self).patched(**self._which(), body=request.data)
        if self.kind is Groups and not request.query_params.get("attributes"):
            # The whole of a large group would be answered to each change of one member.
            return Response(status=204, headers={"ETag": version_of(row)})
        return _answer(self, request, row)

    def delete(self, request: Request, connection_id: str, **resource: str) -> Response:
        """Take it away."""
        type(self).remove(**self._which())
        return Response(status=204)

    @property
    def resource_id(self) -> str:
        """Which one the address names."""
        return str(self.kwargs[f"d{self.noun}_id"])

    def _which(self) -> dict[str, Any]:
        version = self.request.headers.get("If-Match", "")
        which = {f"{self.noun}_id": self.resource_id}
        return {"by": self.actor, "connection": self.connection, "version": version, **which}


class AllUsers(Collection):
    """Users."""

    kind = Users
    create = staticmethod(directory.create_user)


class AllGroups(Collection):
    """Groups."""

    kind = Groups
    create = staticmethod(directory_groups.create_group)


class SearchUsers(Search):
    """Users."""

    kind = Users


class SearchGroups(Search):
    """Groups."""

    kind = Groups


class OneUser(One):
    """One user."""

    kind, noun = Users, "user"
    replace = staticmethod(directory.replace_user)
    patched = staticmethod(directory.patch_user)
    remove = staticmethod(directory.delete_user)


class OneGroup(One):
    """One group."""

    kind, noun = Groups, "group"
    replace = staticmethod(directory_groups.replace_group)
    patched = staticmethod(directory_groups.patch_group)
    remove = staticmethod(directory_groups.delete_group)


class Unknown(ScimDoor):
    """Every other address. What the standard leaves open and is not offered, says so: `/Me`, `/Bulk`."""

    def get(self, request: Request, connection_id: str, rest: str = "") -> Response:
        """Not found."""
        raise NotFound("There is no such address.", hint="See /ServiceProviderConfig and /ResourceTypes.")

    post = put = patch = delete = get


def _answer(door: ScimDoor, request: Request, row: Any, *, status: int = 200) -> Response:
    kind: Kind = door.kind  # type: ignore[attr-defined]
    only, without = (request.query_params.get(name, "") for name in ("attributes", "excludedAttributes"))
    whole = asks_for(kind.costly, only=only, without=without)
    resource = kind.resource(kind.rows(door.connection, whole=whole).get(pk=row.pk), whole=whole)
    headers = {"ETag": resource["meta"]["version"], "Location": resource["meta"]["location"]}
    return Response(shown(resource, only=only, without=without), status, headers=headers)


def _texts(data: Any) -> list[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(each, str) for each in value)):
            raise ScimProblem("invalidValue", f"{name}: a text, a number or a list of texts is needed.")
    return list(data.items())


def _all_of(resources: list[dict[str, Any]]) -> Response:
    return Response(enveloped(resources, total=len(resources)))


def _by_id(resources: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = next((each for each in resources if each["id"].casefold() == name.casefold()), None)
    if found is None:
        raise NotFound(f"There is no {name[:80]}.", hint="")
    return found
