"""The admin site: open to staff with a grant that has not ended, for reading every organization's rows."""

from functools import wraps
from typing import Any

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id
from controlplane.transactions import SAFE
from organizations.actions import browser_sessions, sign_in_trail
from organizations.actions.staff import may_look
from organizations.backends import STAFF_WAY
from organizations.models import User
from organizations.sso import sessions


class ReadOnly(admin.ModelAdmin):
    """Shows rows without their secrets, and lets nobody change them."""

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What is encrypted at rest, whatever it is called: a page would show it in plain text."""
        sealed = [field.name for field in self.model._meta.fields if isinstance(field, EncryptedTextField)]
        return [*(super().get_exclude(request, obj) or ()), *sealed]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


class StaffSite(admin.AdminSite):
    """
    Acts as ``staff:<user>``, for which row-level security shows what the person's grant lets them see.

    Nothing else acts so: on the portal's own pages a member of the staff is a person like any other.
    """

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only what can't change rows: allauth's own pages could tie a foreign identity to anybody's account."""
        if admin_class is not None and issubclass(admin_class, ReadOnly):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, while their grant lasts."""
        return super().has_permission(request) and may_look(str(request.user.pk))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Django's own sign-in of staff; the session gets its row, without which it would end at the next request."""
        response: HttpResponse = super().login(request, extra_context)
        user = request.user
        if request.method == "POST" and isinstance(user, User):
            request.session[sessions.SESSION_ID_KEY] = session_id = new_id("ses")
            browser_sessions.note(request, user, session_id=session_id, way=STAFF_WAY)
            by = actor_of(request)
            sign_in_trail.note_begin(
                by=by, user=user, session_id=session_id, way=STAFF_WAY, how="password", opened=(), anew=True
            )
        return response

    def logout(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Ends the session's row as well, and says so in the trail."""
        if request.method == "POST":
            sessions.end(request)
        return super().logout(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Every page of the site passes here."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def as_staff(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            if request.method not in SAFE or not self.has_permission(request):
                return inner(request, *arguments, **named)
            with rls.reading_as(f"staff:{request.user.pk}"):
                _only_read()
                response: Any = inner(request, *arguments, **named)
                # Rows are looked up while a page is rendered, which would otherwise come after the block.
                return response.render() if hasattr(response, "render") else response

        return as_staff


def _only_read() -> None:
    """Has the database itself refuse any change for the rest of the request."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
