"""What forms of every room share: an action's refusal shown where the person can mend it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms

from controlplane.problems import Problem

NOT_THE_FORMS_BUSINESS = frozenset({403, 404, 429, 500, 503})


@contextmanager
def told_on(form: forms.BaseForm) -> Iterator[None]:
    """Put what an action refuses onto the form: at the field it names, else above all fields.

    What the person can't mend by writing something else (not allowed, not found, not available) goes through.
    """
    try:
        yield
    except Problem as problem:
        if problem.status in NOT_THE_FORMS_BUSINESS:
            raise
        _add(form, problem)


def _add(form: forms.BaseForm, problem: Problem) -> None:
    named = [error for error in problem.errors if error.field in form.fields]
    for error in named:
        form.add_error(error.field, error.message)
    if not named:
        form.add_error(None, " ".join(part for part in (problem.detail, problem.hint) if part))
