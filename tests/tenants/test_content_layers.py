"""Of several levels the nearest counts: provider, organization, tenant."""

from tenants.content.diffs import changes, unified
from tenants.content.layers import Given, Layer, Level, Source, effective, in_use

PROVIDER = Source(Level.PROVIDER, "org_p", "Northwatch")
ORGANIZATION = Source(Level.ORGANIZATION, "org_a", "Acme")
TENANT = Source(Level.TENANT, "t", "Office")


def given(name: str, sha256: str = "a", kind: str = "rules") -> Given:
    return Given(kind, name, f"cfile_{name}", 1, sha256)


def layers(provider: list[Given], organization: list[Given], tenant: list[Given]) -> list[Layer]:
    return [Layer(PROVIDER, provider), Layer(ORGANIZATION, organization), Layer(TENANT, tenant)]


def test_the_nearer_file_takes_the_place_of_the_farther_one():
    found = effective(layers([given("a.xml", "1")], [given("a.xml", "2")], [given("a.xml", "3")]))
    assert [(each.source, each.given.sha256) for each in found] == [(TENANT, "3")]
    assert found[0].over == (ORGANIZATION, PROVIDER)


def test_what_nobody_nearer_has_is_inherited():
    found = effective(layers([given("a.xml")], [given("b.xml")], []))
    assert [(each.given.name, each.source) for each in found] == [("a.xml", PROVIDER), ("b.xml", ORGANIZATION)]


def test_kinds_are_told_apart():
    found = effective(layers([given("web", kind="lists")], [], [given("web", kind="agent_configuration")]))
    assert [each.over for each in found] == [(), ()]


def test_what_is_left_out_is_told_and_not_used():
    found = effective(layers([given("a.xml")], [], [given("a.xml", "")]))
    assert [each.left_out for each in found] == [True]
    assert in_use(found) == []


def test_a_nearer_level_can_bring_back_what_was_left_out():
    found = effective(layers([given("a.xml")], [given("a.xml", "")], [given("a.xml", "9")]))
    assert [(each.left_out, each.source) for each in found] == [(False, TENANT)]


def test_leaving_out_what_nobody_hands_down_any_more_says_nothing():
    assert effective(layers([], [], [given("a.xml", "")])) == []


def test_changes_are_told_file_by_file_and_line_by_line():
    def file(name: str, text: str) -> dict[str, str]:
        return {"kind": "lists", "name": name, "text": text}

    found = changes([file("a", "x:\ny:\n"), file("b", "x:\n")], [file("a", "x:\nz:\n"), file("c", "x:\n")])
    assert [(each.name, each.change) for each in found] == [("a", "changed"), ("b", "removed"), ("c", "added")]
    assert found[0].diff.split("\n") == ["@@ -1,2 +1,2 @@", " x:", "-y:", "+z:"]
    assert changes([file("a", "x:")], [file("a", "x:")]) == []


def test_a_very_long_difference_is_cut_and_says_so():
    assert unified("", "x\n" * 3000).endswith("… and 1001 more lines")
