"""Files of content are judged before they are kept: by name, by form, by what Wazuh keeps for others, and together."""

import hashlib
import time

import pytest

from tenants.content.bundles import LARGEST_FILE, MOST_FILES, digest_of
from tenants.content.checking import faults_of, faults_together, name_fault

RULE = '<group name="acme,">\n  <rule id="{id}" level="{level}"{more}>\n    <match>x</match>\n  </rule>\n</group>\n'


def rule(id: object = 100100, level: object = 5, more: str = "") -> str:
    return RULE.format(id=id, level=level, more=more)


def told(kind: str, text: str) -> list[str]:
    return [fault.told for fault in faults_of(kind, text)]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("rules", rule()),
        ("rules", rule(120000, 0)),
        ("rules", rule(5710, 10, ' overwrite="yes"')),
        ("rules", '<var name="A">x</var>\n' + rule() + rule(100101)),
        ("rules", "<!-- a -- b -->\n" + rule().replace("x</match>", r"\<a\> & b</match>")),
        ("decoders", '<decoder name="acme">\n  <prematch>^acme</prematch>\n</decoder>'),
        ("lists", 'alice:admin\nbob:\n"a0:b1:c2":door\n'),
        ("agent_configuration", '<agent_config os="Linux">\n</agent_config>\n<agent_config/>'),
    ],
)
def test_what_the_manager_takes_is_kept(kind, text):
    assert told(kind, text) == []


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("rules", rule(99999), "Line 2: Rule 99999: rules of your own have ids from 100000 to 120000."),
        ("rules", rule(120001), "Line 2: Rule 120001"),
        ("rules", rule("abc"), "Line 2: A rule needs an id"),
        ("rules", rule(level=17), "Line 2: Rule 100100: a level is a number from 0 to 16."),
        ("rules", rule(level="-1"), "a level is a number"),
        ("rules", rule() + rule(), "Line 7: Rule 100100 stands at line 2 as well."),
        ("rules", "<group>\n<rule>", "not well-formed XML"),
        ("rules", "<decoder name='x'/>", "<decoder> can't stand here; expected <group> or <var>."),
        ("rules", "<group name='x,'/>", "There is no <rule> in it."),
        ("decoders", "<decoder/>", "Line 1: A decoder needs a name."),
        ("decoders", rule(), "<group> can't stand here"),
        ("lists", "alice:admin\nnobody\n", "Line 2: Expected key:value"),
        ("lists", "a:1\n\nb:2\n", "Line 2: Expected key:value"),
        ("lists", "a:b:c\n", "Line 1: Expected key:value"),
        ("lists", "a:1\na:2\n", "Line 2: The key a stands at line 1 as well."),
        ("agent_configuration", "<localfile/>", "<localfile> can't stand here"),
        ("rules", "  \n", "The file is empty."),
        ("lists", "a:" + "x" * LARGEST_FILE, "at most 512 KiB"),
    ],
)
def test_what_it_would_refuse_is_told_with_its_line(kind, text, words):
    assert words in " ".join(told(kind, text))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<group><rule id="100100" level="1">&x;</rule></group>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><group>&b;</group>',
        "</content><group/><content>",
        "<group>" * 400 + "</group>" * 400,
        "<group>\x01</group>",
    ],
    ids=["reads a file", "multiplies", "leaves our root", "is deep", "holds a control character"],
)
def test_xml_that_attacks_its_reader_is_refused(text):
    assert told("rules", text)


@pytest.mark.parametrize("text", ["<!--" * 100_000, "&" * 400_000, "<" * 400_000, '"' * 400_000, "a:" * 200_000])
def test_text_that_is_made_to_take_long_does_not(text):
    began = time.process_time()
    for kind in ("rules", "lists"):
        told(kind, text)
    assert time.process_time() - began < 5


def test_an_external_entity_is_never_read():
    text = '<group><rule id="100100" level="1"><match>&passwd;</match></rule></group>'
    assert "root:" not in " ".join(told("rules", text))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            "rules",
            "acme_rules.xml",
            ["acme.txt", "a/b.xml", ".xml", "ä.xml", "a.xml\n", "a" * 125 + ".xml"],
        ),
        ("decoders", "acme-1.xml", ["acme", ""]),
        ("lists", "admins", ["..", ".", "a/b", "a.cdb", "control-plane-content", "audit-keys", "", "a" * 129]),
        ("agent_configuration", "web-servers", ["all", "..", "", "a b"]),
    ],
)
def test_names_are_those_that_the_edge_takes(kind, good, bad):
    assert name_fault(kind, good) == ""
    assert all(name_fault(kind, each) for each in bad)


def files(*given: tuple[str, str]) -> list[dict[str, str]]:
    return [{"kind": "rules", "name": name, "text": text} for name, text in given]


def test_a_rules_id_stands_in_one_file_only_unless_it_overwrites():
    found = faults_together(files(("a.xml", rule()), ("b.xml", rule())))
    assert found == [("rules", "b.xml", "Line 2: rule 100100 stands in a.xml as well. Give one of them another id.")]
    overwriting = rule(100100, 3, ' overwrite="yes"')
    assert faults_together(files(("a.xml", rule()), ("b.xml", overwriting))) == []


def test_a_tenant_takes_so_many_files_and_so_much():
    many = [{"kind": "lists", "name": f"l{n}", "text": "a:"} for n in range(MOST_FILES + 1)]
    assert "201 files" in faults_together(many)[0][2]
    large = [{"kind": "lists", "name": f"l{n}", "text": "a:" + "x" * 500_000} for n in range(9)]
    assert "4,194,304" in faults_together(large)[0][2]


def test_a_bundle_is_named_by_what_it_holds_whatever_the_order():
    one, two = {"kind": "rules", "name": "a.xml", "text": "ü\n"}, {"kind": "lists", "name": "b", "text": '"q"'}
    assert digest_of([one, two]) == digest_of([two, one])
    canonical = '{"files":[{"kind":"lists","name":"b","text":"\\"q\\""},{"kind":"rules","name":"a.xml","text":"ü\\n"}]}'
    assert digest_of([one, two]) == hashlib.sha256(canonical.encode()).hexdigest()
