import re

import pytest

from controlplane.ids import InvalidToken, body_of, digest, make_token, new_id, new_token_id, parse_token


def test_an_id_names_its_kind_and_is_never_given_twice():
    made = {new_id("org") for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"org_[a-z2-7]{20}", each) for each in made)


def test_a_token_tells_its_owner_and_id_without_a_lookup():
    token = make_token("api", "org_abcdefghij2345672345", "k234567abc")
    parsed = parse_token(token)
    assert (parsed.prefix, parsed.owner, parsed.id) == ("api", "abcdefghij2345672345", "k234567abc")


def test_a_tenants_id_is_its_own_body():
    assert body_of("lo234567abcdefghijklmnopqr") == "lo234567abcdefghijklmnopqr"


def test_a_token_carries_at_least_128_random_bits():
    secret = make_token("enr", "tenant", new_token_id()).rsplit("_", 1)[1][:-6]
    assert len(secret) == 22
    assert 62 ** len(secret) >= 2**128


@pytest.mark.parametrize("position", range(0, 60, 3))
def test_one_mistyped_character_is_refused(position):
    token = make_token("enr", "lo234567abcdefghijklmnopqr", "k234567abc")
    wrong = "x" if token[position] != "x" else "y"
    with pytest.raises(InvalidToken):
        parse_token(token[:position] + wrong + token[position + 1 :])


@pytest.mark.parametrize(
    "text", ["", "api", "api___", "api_a_b_c", "\0", "api_ü_b_" + "0" * 28, "api_a_b_" + "0" * 28 + "\n"]
)
def test_other_text_is_refused(text):
    with pytest.raises(InvalidToken):
        parse_token(text)


def test_only_the_digest_of_a_token_is_kept():
    assert re.fullmatch(r"[0-9a-f]{64}", digest("api_x"))
