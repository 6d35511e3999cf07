"""Names of actions have three parts, and people read each of them in words."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from controlplane import audit, outbox, rls
from controlplane.actor import Actor
from fleet.alerts.actions import ACTS
from organizations.actions import facts
from organizations.trail.words import VERBS, action_words, plain
from tenants.agents.models import AgentOrder
from tenants.provisioning.kinds import KINDS
from tests.controlplane.test_import_rule import ROOMS, ROOT

NAME = re.compile(rf"({'|'.join(ROOMS)})\.[a-z_]+\.[a-z_]+")
BEGUN = re.compile(rf"({'|'.join(ROOMS)})\.[a-z_]+\.")
# Names whose last part is put in where they are used. `f"organizations.membership.{deed}"` is asked for here.
BUILT = {
    "fleet.alert.": set(ACTS),
    "organizations.directory_group.": {"create", "change"},
    "organizations.directory_user.": {"change", "activate", "deactivate"},
    "organizations.domain.": {"prove", "miss", "withdraw"},
    "organizations.emergency_access.": {"begin", "end"},
    "organizations.hostname.": {"prove", "miss", "withdraw"},
    "organizations.mail_sender.": {"prove", "miss"},
    "organizations.membership.": {"create", "change_role", "block", "unblock", "end"},
    "organizations.password.": {"change", "set"},
    "tenants.agents.": set(AgentOrder.Kind.values),
    "tenants.incident.": {"open", "schedule"},
    "tenants.rollout.": {"hold", "finish"},
    "tenants.tenant.": set(KINDS),
}


@cache
def trees() -> list[ast.Module]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]
    return [ast.parse(path.read_text()) for path in files]


def texts() -> Iterator[str]:
    """Every text of the code that has the form of an action's name, whatever it is kept as or passed to."""
    for node in (each for tree in trees() for each in ast.walk(tree)):
        if isinstance(node, ast.Constant) and NAME.fullmatch(str(node.value)):
            yield node.value


def is_of_python(name: str) -> bool:
    """Whether it names a module or what stands in one, as settings and schedules do."""
    room, module, what = name.split(".")
    file = ROOT / room / f"{module}.py"
    inside = file.exists() and re.search(rf"^(def |async def )?{what}\b", file.read_text(), re.MULTILINE)
    return module == "tasks" or bool(inside) or (ROOT / room / module / f"{what}.py").exists()


def topics() -> set[str]:
    """Names of facts, which have the same form."""
    of_people = {value for name, value in vars(facts).items() if name.isupper() and isinstance(value, str)}
    return of_people | set(outbox._subscribers)


def given_as_action() -> Iterator[str]:
    """A name may be a fact's too: what is passed as `action`, or third to `trail.record`, is an action."""
    for node in (each for tree in trees() for each in ast.walk(tree)):
        given = node.value if isinstance(node, ast.keyword) and node.arg == "action" else None
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "trail.record":
            given = node.args[2]
        if isinstance(given, ast.Constant) and NAME.fullmatch(str(given.value)):
            yield str(given.value)


def built() -> Iterator[str]:
    """How each name begins that is put together."""
    for node in (each for tree in trees() for each in ast.walk(tree)):
        first, *rest = node.values if isinstance(node, ast.JoinedStr) else [None]
        if isinstance(first, ast.Constant) and len(rest) == 1 and BEGUN.fullmatch(str(first.value)):
            yield str(first.value)


def all_names() -> set[str]:
    kept = {name for name in texts() if not is_of_python(name)} - topics()
    return kept | set(given_as_action()) | {f"{begun}{verb}" for begun, verbs in BUILT.items() for verb in verbs}


def test_every_action_of_the_code_has_words():
    names = all_names()
    assert len(names) > 120
    assert {
        *("organizations.request.refuse", "tenants.tenant.unprotect", "billing.subscription.suspend"),
        *("organizations.session.confirm", "tenants.trail.differ", "organizations.password.set"),
    } <= names
    assert {name for name in names if name.split(".")[2] not in VERBS} == set(), "words for these in trail/words.VERBS"


def test_names_that_are_put_together_are_all_in_the_table():
    assert set(built()) - set(BUILT) == set()


def test_words_say_the_thing_and_what_became_of_it():
    assert action_words("organizations.api_key.create") == "API key created"
    assert action_words("organizations.api_key.create", refused=True) == "API key created (refused)"
    assert action_words("organizations.request.refuse", refused=True) == "Request refused"


@pytest.mark.parametrize(
    ("value", "words"),
    [([], "none"), (["key.manage"], "key.manage"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_a_list_reads_as_people_write_one(value: list[str], words: str):
    assert plain(value) == words


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["made", "thing.made", "a.b.c.d", "a.b.C", "a..c", "a.b.c "])
def test_a_name_of_another_form_is_refused(name: str):
    with pytest.raises(ValueError, match=r"room\.object\.verb"), rls.acting_as("org:org_a"):
        audit.record(by=Actor.system("x"), action=name, organization_id="org_a", target="t")
