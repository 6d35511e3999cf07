"""`/livez` (the process answers) and `/readyz` (it can serve): before whatever needs a host, a session or a page."""

from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from redis import Redis, RedisError


class HealthDoors:
    """Answers the probes of load balancers, which come with the address of a machine as their Host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        door = DOORS.get(request.path_info)
        return door() if door else self.get_response(request)


def livez() -> JsonResponse:
    """Answers 200 while the process serves requests."""
    return JsonResponse({"status": "live"})


def readyz() -> JsonResponse:
    """Answers 200 if the database answers, else 503. A missing broker slows work down but stops no request."""
    database, broker = _database_answers(), _broker_answers()
    checks = {"database": "ok" if database else "unreachable", "broker": "ok" if broker else "unreachable"}
    return JsonResponse(
        {"status": "ready" if database else "not ready", "checks": checks}, status=200 if database else 503
    )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:  # also what a broken connection raises, which is no DatabaseError
        return False
    return True


def _broker_answers() -> bool:
    if not settings.CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
        return True
    client = Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


DOORS: dict[str, Callable[[], JsonResponse]] = {"/livez": livez, "/readyz": readyz}
