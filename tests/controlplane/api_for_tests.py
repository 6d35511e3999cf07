"""A small API that uses the shell as the rooms do, so that its tests need no room."""

from django.http import Http404, HttpResponse
from django.urls import include, path, re_path
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from controlplane import audit, outbox, pages
from controlplane.actor import Actor, actor_of
from controlplane.api.views import ApiView
from controlplane.ids import new_id
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden
from controlplane.transactions import bind_actor

handler400 = "controlplane.pages.bad_request"
handler403 = "controlplane.pages.forbidden"
handler404 = "controlplane.pages.not_found"
handler500 = "controlplane.pages.server_error"


class Person:
    is_authenticated = True


class ByName(BaseAuthentication):
    """`Authorization: Test alice key_1` is alice with that key, working for org_a."""

    def authenticate(self, request):
        words = request.headers.get("Authorization", "").split()
        if len(words) != 3:
            return None
        bind_actor(request, Actor(user_id="", kind="api_key", key_id=f"{words[1]}/{words[2]}", organization_id="org_a"))
        return Person(), None

    def authenticate_header(self, request):
        return "Bearer"


class PlanForm(serializers.Serializer):
    agents = serializers.IntegerField(min_value=1)


class ThingForm(serializers.Serializer):
    name = serializers.CharField(max_length=20)
    plan = PlanForm(required=False)


class Things(ApiView):
    authentication_classes = [ByName]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        paginator = self.settings.DEFAULT_PAGINATION_CLASS()
        rows = paginator.paginate_queryset(Message.objects.filter(topic="thing"), request, self)
        return paginator.get_paginated_response([row.key for row in rows])

    def post(self, request):
        form = ThingForm(data=request.data)
        form.is_valid(raise_exception=True)
        name = form.validated_data["name"]
        thing = Message.objects.create(topic="thing", key=new_id(name[:8]), organization_id="org_a", payload={})
        if name == "conflict":
            raise Conflict("There is one already.", code="EXISTS", hint="Use it.")
        if name == "broken":
            raise RuntimeError("secret detail")
        return Response({"id": thing.key, "secret": "shown-once"}, status=201, headers={"Location": f"/x/{thing.key}"})


class Refusals(ApiView):
    authentication_classes = [ByName]
    permission_classes = [IsAuthenticated]

    def post(self, request):
        Message.objects.create(topic="thing", key="undone", organization_id="org_a", payload={})
        audit.record_refusal(by=self.actor, action="test.thing.make", organization_id="org_a", target="thing")
        raise Forbidden


def page(request, what):
    if what == "broken":
        Message.objects.create(topic="page", key="broken", organization_id="platform", payload={})
        raise RuntimeError("secret detail")
    if what == "missing":
        raise Http404("secret detail")
    if what == "forbidden":
        raise Forbidden("You may not.", hint="Ask <b>alice</b>.")
    return HttpResponse(f"{what} for {actor_of(request).label}")


def publishing(request):
    outbox.publish("test.page.posted", key="one", organization_id=None, payload={})
    return HttpResponse(status=int(request.POST["status"]))


urlpatterns = [
    path("api/v1/things", Things.as_view()),
    path("api/v1/refusals", Refusals.as_view()),
    re_path(r"^api(?:/.*)?$", pages.api_root),
    path("publishing/", publishing),
    path("pages/<str:what>/", page),
    path("sso/answer/<str:what>/", page),
    path("t/", include([])),
]
