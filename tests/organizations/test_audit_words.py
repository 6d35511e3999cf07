"""Names of actions have three parts, and people read each of them in words."""

import ast
import re
from collections.abc import Iterator

import pytest

from controlplane import audit, rls
from controlplane.actor import Actor
from organizations.trail.words import VERBS, action_words
from tests.controlplane.test_import_rule import ROOMS, ROOT

NAME = re.compile(rf"({'|'.join(ROOMS)})\.(?!tasks\.)[a-z_]+\.(?!urls$)[a-z_]+")
# What takes the name of a fact, which has the same form: those who listen to it.
TOPICS = ("outbox.subscriber", "outbox.publish")


def names_in(tree: ast.AST) -> Iterator[str]:
    """Names of actions in a file: what is passed to a call, or kept as its ACTION or REFUSED."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in TOPICS:
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("ACTION", "REFUSED"):
            given = [node.value]
        else:
            continue
        for value in given:
            for inner in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
                if isinstance(inner, ast.Constant) and NAME.fullmatch(str(inner.value)):
                    yield inner.value


def all_names() -> set[str]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]
    return {name for path in files for name in names_in(ast.parse(path.read_text()))}


def test_every_action_of_the_code_has_words():
    names = all_names()
    assert len(names) > 50
    assert {"organizations.request.refuse", "tenants.tenant.unprotect", "billing.subscription.suspend"} <= names
    assert {name for name in names if name.split(".")[2] not in VERBS} == set(), "words for these in audit_words.VERBS"


def test_words_say_the_thing_and_what_became_of_it():
    assert action_words("organizations.api_key.create") == "API key created"
    assert action_words("organizations.api_key.create", refused=True) == "API key created (refused)"
    assert action_words("organizations.request.refuse", refused=True) == "Request refused"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["made", "thing.made", "a.b.c.d", "a.b.C", "a..c", "a.b.c "])
def test_a_name_of_another_form_is_refused(name: str):
    with pytest.raises(ValueError, match=r"room\.object\.verb"), rls.acting_as("org:org_a"):
        audit.record(by=Actor.system("x"), action=name, organization_id="org_a", target="t")
