"""What a directory may do at the addresses of SCIM."""

from tests.isolation.rules import directory

_PATCH = {"Operations": [{"op": "replace", "path": "displayName", "value": "new"}]}
_EVERYTHING = ("GET", "POST", "PUT", "PATCH", "DELETE")
SCIM = {
    "/scim/v2/{connection_id}/ServiceProviderConfig": {"GET": directory()},
    "/scim/v2/{connection_id}/ResourceTypes": {"GET": directory()},
    "/scim/v2/{connection_id}/ResourceTypes/{name}": {"GET": directory()},
    "/scim/v2/{connection_id}/Schemas": {"GET": directory()},
    "/scim/v2/{connection_id}/Schemas/{name}": {"GET": directory()},
    "/scim/v2/{connection_id}/Users": {"GET": directory(), "POST": directory(body={"userName": "new"})},
    "/scim/v2/{connection_id}/Users/.search": {"POST": directory(body={"filter": "userName pr"})},
    "/scim/v2/{connection_id}/Users/{duser_id}": {
        "GET": directory(),
        "PUT": directory(body={"userName": "new"}),
        "PATCH": directory(body=_PATCH),
        "DELETE": directory(),
    },
    "/scim/v2/{connection_id}/Groups": {"GET": directory(), "POST": directory(body={"displayName": "new"})},
    "/scim/v2/{connection_id}/Groups/.search": {"POST": directory(body={"filter": "displayName pr"})},
    "/scim/v2/{connection_id}/Groups/{dgroup_id}": {
        "GET": directory(),
        "PUT": directory(body={"displayName": "new"}),
        "PATCH": directory(body=_PATCH),
        "DELETE": directory(),
    },
    "/scim/v2/{connection_id}/": {method: directory() for method in _EVERYTHING},
    "/scim/v2/{connection_id}/{rest}": {method: directory() for method in _EVERYTHING},
}
