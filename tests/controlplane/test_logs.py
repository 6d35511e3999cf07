import json
import logging

import pytest
import structlog

from controlplane.ids import make_token
from controlplane.logs import HIDDEN, hide_secrets

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
SECRETS = {
    "a token of ours": make_token("enr", "lo234567abcdefghijklmnopqr", "k234567abc"),
    "an API key": make_token("api", "org_abcdefghij2345672345", "k234567abc"),
    "a JWT": JWT,
    "a header": "Authorization: Bearer abcdefghijklmnop",
    "a basic header": "Basic dXNlcjpwYXNzd29yZA==",
    "an address with a password": "postgres://app:hunter2@db/garrison",
    "a key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----",
}
PARTS = ("Bearer abcdefghijklmnop", "dXNlcjpw", "hunter2", "MC4CAQAwBQ", "c2lnbmF0dXJl")


def filtered(**event) -> str:
    return json.dumps(hide_secrets(None, "info", event))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_taken_out_wherever_it_stands(name):
    secret = SECRETS[name]
    text = filtered(event=f"failed with {secret}", nested={"list": [f"x {secret}"]}, exception=f"ValueError: {secret}")
    assert HIDDEN in text
    assert not [part for part in (*PARTS, secret, secret[-28:]) if part in text]


@pytest.mark.parametrize(
    "name",
    ["password", "client_secret", "Authorization", "csrf_token", "code", "SAMLResponse", "api_key", "Set-Cookie"],
)
def test_a_value_with_a_secret_name_is_taken_out_whatever_it_is(name):
    assert "plain" not in filtered(**{name: "plain"})
    assert "plain" not in filtered(data={"deep": [{name: ["plain"]}]})


def test_a_tokens_public_part_stays_so_that_it_can_be_looked_up():
    token = SECRETS["a token of ours"]
    assert token[:-28] in filtered(event=token)


def test_ordinary_facts_stay():
    event = {
        "event": "request",
        "route": "t/<tenant>/tokens/",
        "status_code": 200,
        "error_code": "GONE",
        "tokens": 3,
        "actor": "usr_abcdefghij2345672345",
    }
    assert hide_secrets(None, "info", dict(event)) == event


def test_a_line_of_a_library_is_filtered_like_ours(capsys):
    handler = logging.getLogger().handlers
    formatter = next(
        each.formatter for each in handler if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)
    )
    record = logging.LogRecord("lib", logging.WARNING, "f", 1, "sent %s", (JWT,), None)
    assert "c2lnbmF0dXJl" not in formatter.format(record)


def test_an_object_is_filtered_by_what_it_would_print():
    class Holder:
        def __repr__(self):
            return f"<Holder {JWT}>"

    assert "c2lnbmF0dXJl" not in filtered(thing=Holder(), nested=[{"deep": Holder()}])


def test_a_query_is_filtered_wherever_an_address_stands():
    text = filtered(event="GET https://login.example/callback/?code=abc&state=def&page=2")
    assert "abc" not in text
    assert "def" not in text
    assert "page=2" in text


def test_the_line_of_a_failure_does_not_hold_the_request(capsys, rf):
    """The attack: codes and states of a sign-in that failed are read from the log while they are still good."""
    formatter = next(
        each.formatter
        for each in logging.getLogger().handlers
        if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)
    )
    record = logging.LogRecord("django.request", logging.ERROR, "f", 1, "Internal Server Error: %s", ("/sso/",), None)
    record.request = rf.get("/sso/oidc/platform/callback/?code=very-secret&state=quite-secret")
    record.status_code = 500
    line = formatter.format(record)
    assert "Internal Server Error: /sso/" in line
    assert "500" in line
    assert "secret" not in line
