"""What the service tells of itself (RFC 7643 §5 to §7): what it can do, its resource types and their schemas."""

from typing import Any

from organizations.scim.attributes import GROUP, GROUP_ATTRIBUTES, USER, USER_ATTRIBUTES, Attribute

MOST_RESULTS = 200
CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
TYPES = {"User": ("/Users", USER, USER_ATTRIBUTES), "Group": ("/Groups", GROUP, GROUP_ATTRIBUTES)}
MEANINGS = {"User": "Somebody in the organization's directory.", "Group": "A group of the organization's directory."}


def service_provider_config(address: str) -> dict[str, Any]:
    """What is supported. Args: address: of the service, without a slash at its end."""
    return {
        "schemas": [CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A provisioning token, made on the page of the connection.",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{address}/ServiceProviderConfig"},
    }


def resource_types(address: str) -> list[dict[str, Any]]:
    """Users and groups."""
    return [
        {
            "schemas": [RESOURCE_TYPE],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "description": MEANINGS[name],
            "schema": schema,
            "schemaExtensions": [],
            "meta": {"resourceType": "ResourceType", "location": f"{address}/ResourceTypes/{name}"},
        }
        for name, (endpoint, schema, _) in TYPES.items()
    ]


def schemas(address: str) -> list[dict[str, Any]]:
    """What a user and a group consist of here."""
    return [
        {
            "schemas": [SCHEMA],
            "id": schema,
            "name": name,
            "description": MEANINGS[name],
            "attributes": [_described(attribute) for attribute in attributes],
            "meta": {"resourceType": "Schema", "location": f"{address}/Schemas/{schema}"},
        }
        for name, (_, schema, attributes) in TYPES.items()
    ]


def _described(attribute: Attribute) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.is_many,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.exact,
        "mutability": "readOnly" if attribute.read_only else "immutable" if attribute.immutable else "readWrite",
        "returned": attribute.returned,
        "uniqueness": "server" if attribute.unique else "none",
    }
    if attribute.type == "reference":
        told["referenceTypes"] = ["User", "Group"]
    if attribute.parts:
        told["subAttributes"] = [_described(part) for part in attribute.parts]
    return told
