"""The REST API's shell."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "organizations.keys.authentication.ApiKeyAuthentication",
        "controlplane.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "controlplane.api.pagination.KeysetPagination",
    "DEFAULT_THROTTLE_CLASSES": ["controlplane.api.throttling.PerCredentialThrottle"],
    "DEFAULT_SCHEMA_CLASS": "controlplane.api.schema.PortalSchema",
    "EXCEPTION_HANDLER": "controlplane.api.problems.answer",
    "NON_FIELD_ERRORS_KEY": "body",
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 50,
}
# Requests a minute for one credential.
API_REQUESTS_PER_MINUTE = 1200

SPECTACULAR_SETTINGS = {
    "TITLE": "Garrison portal API",
    "DESCRIPTION": "Everything the portal's pages do, for integrations.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATIONS": True,
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["controlplane.api.schema.only_the_api"],
    # Without the hook that makes components of enums: rooms would have to agree on names for them here.
    "POSTPROCESSING_HOOKS": ["controlplane.api.schema.add_problems", "controlplane.api.examples.add_examples"],
}
