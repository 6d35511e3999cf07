"""Tenant ids that a guess can't hit."""

import pytest
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


def test_a_minted_id_is_genuine_under_its_own_key_only():
    tenant_id = identity.mint("lo", KEY)
    assert identity.is_genuine(tenant_id, KEY)
    assert not identity.is_genuine(tenant_id, OTHER)


@given(st.integers(0, 25), st.sampled_from(identity.ALPHABET))
def test_changing_any_character_is_noticed(position, character):
    tenant_id = identity.mint("lo", KEY)
    changed = tenant_id[:position] + character + tenant_id[position + 1 :]
    assert identity.is_genuine(changed, KEY) == (changed == tenant_id)


@pytest.mark.parametrize("text", ["", "lo", "lo" + "a" * 24, "LO" + "A" * 24, "a" * 27, "\x00" * 26, "é" * 26])
def test_what_has_another_shape_is_no_id(text):
    assert not identity.is_genuine(text, KEY)
