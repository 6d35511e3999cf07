"""What counts of a chain of templates and a client's overrides, whatever they say."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.problems import Invalid
from fleet.client_templates.merging import ABSENT, DEEPEST, below, chain, changes, merged

SETTINGS = st.dictionaries(st.sampled_from("abcdef"), st.none() | st.integers(0, 3) | st.lists(st.integers(0, 2)))
LAYERS = st.lists(SETTINGS, max_size=6).map(lambda each: [(f"tpl_{n}", one) for n, one in enumerate(each)])


@dataclass(frozen=True)
class Above:
    pk: str
    parent_id: str | None


def row(*names: str) -> dict[str, Above]:
    """Templates above each other, the first the highest."""
    return {name: Above(name, names[at - 1] if at else None) for at, name in enumerate(names)}


@given(LAYERS)
def test_of_each_setting_the_nearest_that_says_anything_counts(layers):
    found = merged(layers)
    for key in "abcdef":
        saying = [(source, settings[key]) for source, settings in layers if key in settings]
        if saying and saying[-1][1] is not None:
            assert (found[key].source, found[key].value) == saying[-1]
        else:
            assert key not in found


@given(LAYERS, SETTINGS)
def test_what_a_client_has_otherwise_beats_every_template_and_touches_nothing_else(layers, own):
    without, found = merged(layers), merged([*layers, ("client", own)])
    assert {key: each for key, each in found.items() if key not in own} == {
        key: each for key, each in without.items() if key not in own
    }
    assert {key: found[key].value for key in own if key in found} == {
        key: value for key, value in own.items() if value is not None
    }


@given(LAYERS)
def test_a_layer_that_says_nothing_or_the_same_again_changes_no_value(layers):
    values = {key: each.value for key, each in merged(layers).items()}
    assert {key: each.value for key, each in merged([*layers, ("more", {})]).items()} == values
    assert {key: each.value for key, each in merged([*layers, *layers[-1:]]).items()} == values


@given(SETTINGS, SETTINGS)
def test_changes_lead_from_one_version_to_the_other(before, after):
    there = dict(before)
    for each in changes(before, after):
        assert each.before != each.after
        if each.after is ABSENT:
            del there[each.key]
        else:
            there[each.key] = each.after
    assert there == after


def test_a_chain_goes_from_afar_to_near():
    assert [each.pk for each in chain(row("base", "offices", "small"), "small")] == ["base", "offices", "small"]
    assert [each.pk for each in below(row("base", "offices", "small"), "offices")] == ["offices", "small"]


def test_a_circle_ends_and_is_refused():
    with pytest.raises(Invalid):
        chain({"a": Above("a", "b"), "b": Above("b", "a")}, "a")


def test_more_than_five_above_each_other_are_refused():
    names = [f"t{n}" for n in range(DEEPEST + 1)]
    assert len(chain(row(*names[:-1]), names[-2])) == DEEPEST
    with pytest.raises(Invalid):
        chain(row(*names), names[-1])
