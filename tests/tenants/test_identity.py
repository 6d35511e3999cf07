"""Tenant ids that a guess can't hit."""

from hypothesis import given
from hypothesis import strategies as st

from tenants.provisioning import identity

KEY, OTHER = b"k" * 32, b"o" * 32


def test_an_id_is_26_characters_and_begins_with_its_cell():
    tenant_id = identity.mint("lo", KEY)
    assert len(tenant_id) == 26
    assert tenant_id.startswith("lo")
    assert set(tenant_id) <= set(identity.ALPHABET)


def test_the_check_follows_the_published_rule():
    assert identity.check_of("lo" + "a" * 16, bytes(32)) == "5qpjacuq"


def test_the_last_eight_characters_check_the_others_under_the_cells_key():
    tenant_id = identity.mint("lo", KEY)
    assert tenant_id[18:] == identity.check_of(tenant_id[:18], KEY) != identity.check_of(tenant_id[:18], OTHER)


@given(st.integers(0, 17), st.sampled_from(identity.ALPHABET))
def test_changing_any_character_changes_the_check(position, character):
    stem = identity.mint("lo", KEY)[:18]
    changed = stem[:position] + character + stem[position + 1 :]
    assert (identity.check_of(changed, KEY) == identity.check_of(stem, KEY)) == (changed == stem)
