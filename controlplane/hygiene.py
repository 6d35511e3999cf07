"""The one layer that refuses input no part of the product can mean: 400, before any view sees it.

The attacks: a NUL makes Postgres fail, a lone surrogate can't be encoded, a number beyond 64 bits overflows the
database, an oversized body fills memory. Left to the views each would be a 500 somewhere.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane import pages
from controlplane.problems import Malformed

LARGEST = 2**63 - 1
SMALLEST = -(2**63)
MAX_ADDRESS = 8192
_NUMBER = re.compile(r"[+-]?\d{19,}")
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
# Answers of identity providers come with values of theirs, which may be long numbers.
_FOREIGN_VALUES = ("/sso/",)


class RefuseMalformedInput:
    """Checks address, query, cookies and forms; JSON is checked where it is parsed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        try:
            for check in CHECKS:
                check(request)
        except Malformed as problem:
            return pages.problem_response(request, problem)
        return self.get_response(request)


def refuse_text(value: str, where: str) -> None:
    """Raises: Malformed if ``value`` holds a NUL or a lone surrogate. Args: where: names the field."""
    if "\0" in value:
        raise Malformed(f"{where} holds a NUL character.", field=where)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"{where} holds a lone surrogate, which is no character.", field=where) from error


def refuse_number(value: int, where: str) -> None:
    """Raises: Malformed if ``value`` does not fit 64 bits."""
    if not SMALLEST <= value <= LARGEST:
        raise Malformed(f"{where} is a number outside the range of 64 bits.", field=where)


def _check_address(request: HttpRequest) -> None:
    if len(request.META.get("QUERY_STRING", "")) + len(request.path_info) > MAX_ADDRESS:
        raise Malformed("The address is too long.", code="TOO_LARGE")
    refuse_text(request.path_info, "path")
    for segment in request.path_info.split("/"):
        _refuse_long_number(segment, "path")


def _check_query(request: HttpRequest) -> None:
    _decoded(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"), "query")
    foreign = request.path_info.startswith(_FOREIGN_VALUES)
    for name, values in request.GET.lists():
        for value in (name, *values):
            refuse_text(value, "query")
        if not foreign:
            for value in values:
                _refuse_long_number(value, name)


def _check_cookies(request: HttpRequest) -> None:
    # A quoted cookie can spell NUL as \000, and the session's key goes to the database.
    for value in request.COOKIES.values():
        refuse_text(value, "cookie")


def _check_size(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit():
        raise Malformed("Content-Length is no number.")
    if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024
        raise Malformed(f"The body is larger than {limit} KiB. Nothing of it was kept.", code="TOO_LARGE")


def _check_form(request: HttpRequest) -> None:
    if request.content_type == _FORM:
        _decoded(request.body.replace(b"+", b" "), "form")
    if request.content_type in (_FORM, _MULTIPART):
        for field, value in _form_values(request):
            refuse_text(field, "form")
            refuse_text(value, field)


def _form_values(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for field, values in request.POST.lists():
        for value in values:
            yield field, str(value)


def _decoded(raw: bytes, where: str) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The {where} is not UTF-8.", field=where) from error


def _refuse_long_number(value: str, where: str) -> None:
    if _NUMBER.fullmatch(value):
        refuse_number(int(value) if len(value) < 40 else LARGEST + 1, where)


CHECKS: tuple[Callable[[HttpRequest], None], ...] = (
    _check_size,
    _check_address,
    _check_query,
    _check_cookies,
    _check_form,
)
