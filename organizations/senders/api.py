"""The sender of an organization's mails by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from organizations import queries
from organizations.access import require
from organizations.actions import senders
from organizations.api import InOrganization
from organizations.senders.serializers import MailSenderIn, MailSenderOut, shown


class Sender(InOrganization):
    """In whose name an organization's mails go out."""

    tagged = frozenset({"name", "reply_to", "address"})

    @extend_schema(operation_id="organizations_mail_sender_retrieve", responses=MailSenderOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read what was chosen, what of it counts now, and why the rest does not."""
        return Response(shown(queries.mail_sender(self.actor, self.organization())))

    @extend_schema(operation_id="organizations_mail_sender_set", request=MailSenderIn, responses=MailSenderOut)
    def put(self, request: Request, organization_id: str) -> Response:
        """Choose name, address for answers and address. An own address counts once DNS allows it."""
        organization, given = self.organization(), valid(MailSenderIn, request)
        return Response(shown(senders.choose(by=self.actor, organization=organization, **given)))

    @extend_schema(operation_id="organizations_mail_sender_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str) -> Response:
        """Have mails go out in the platform's name again."""
        senders.give_up(by=self.actor, organization=self.organization())
        return Response(status=204)


class SenderCheck(InOrganization):
    """A look at DNS."""

    calls_out = True

    @extend_schema(operation_id="organizations_mail_sender_check", request=None, responses=MailSenderOut)
    def post(self, request: Request, organization_id: str) -> Response:
        """Look now whether the domain's SPF record allows the address."""
        with rls.reading_as(self.actor.rls_actor):
            organization = self.organization()
            require(self.actor, senders.PERMISSION, organization)
        checked = senders.check(by=self.actor, organization=organization)
        with rls.reading_as(self.actor.rls_actor):
            found = shown(checked)
        return self.written(request, lambda: Response(found))
