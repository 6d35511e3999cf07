"""Installers by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.enrollment.installers.files import FORMS, address, rendered
from tenants.enrollment.installers.links import target
from tenants.enrollment.installers.serializers import InstallerOut
from tenants.enrollment.tokens.api import TokenView


class Installers(TokenView):
    """What brings machines in."""

    @extend_schema(operation_id="tenants_tokens_installers_list", responses=InstallerOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """List the files that bring machines in with a token. None holds a secret; anybody may fetch them at `url`."""
        where = target(self.token(tenant_id, token_id))
        files = [
            {
                "os": key,
                "filename": form.filename,
                "about": form.words,
                "url": address(key, where),
                "content": rendered(key, where),
            }
            for key, form in FORMS.items()
        ]
        return Response(InstallerOut(files, many=True).data)
