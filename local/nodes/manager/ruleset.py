"""The rule set of a manager: its files on the disk, and what of them is in use."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.nodes.manager.custom_decoders import Decoders
from local.nodes.manager.custom_rules import CustomRules
from local.nodes.manager.rules import RuleEngine, load_rules
from local.nodes.manager.xml_files import BadFile, CustomDecoder, CustomRule, decoders_in, roots_of, rules_in

FOLDERS = {"rules": "etc/rules", "decoders": "etc/decoders", "lists": "etc/lists"}
SETTINGS = "etc/ossec.conf"
FIRST_OWN_ID = 100_000
"""From here on numbers are people's; of those below a stand-in does not have all."""
LIST_LINE = re.compile(r'(?:"[^"]+"|[^:"\s][^:]*):[^:]*')
FRESH_SETTINGS = """<ossec_config>
  <ruleset>
    <decoder_dir>ruleset/decoders</decoder_dir>
    <rule_dir>ruleset/rules</rule_dir>
    <decoder_dir>etc/decoders</decoder_dir>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
</ossec_config>
"""


@dataclass(frozen=True)
class Loaded:
    """A rule set in use. `warnings` are in Wazuh's words."""

    decoders: Decoders
    rules: CustomRules
    warnings: tuple[str, ...]

    def engine(self) -> RuleEngine:
        """An engine that has counted nothing yet."""
        return RuleEngine(load_rules(), time.monotonic, self.rules)


class Ruleset:
    """Reads and writes the files. `changed` is called after each change that is kept."""

    def __init__(self, disk: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._disk, self._changed = disk, changed
        for folder in FOLDERS.values():
            (disk / folder).mkdir(parents=True, exist_ok=True)
        if not self.settings_file.exists():
            self.settings_file.write_text(FRESH_SETTINGS)
        self.loaded = self.read()
        self.engine = self.loaded.engine()

    @property
    def settings_file(self) -> Path:
        return self._disk / SETTINGS

    def file(self, kind: str, name: str) -> Path:
        return self._disk / FOLDERS[kind] / name

    def reload(self) -> tuple[str, ...]:
        """Puts into use what lies on the disk; its warnings. Raises BadFile, and then goes on with what it has."""
        self.loaded = self.read()
        self.engine = self.loaded.engine()
        return self.loaded.warnings

    def read(self) -> Loaded:
        """The rule set on the disk. Raises BadFile, which names the file."""
        warnings: list[str] = []
        decoders = self._decoders()
        lists = self._lists()
        rules = _known(_unique(self._rules(), warnings), lists, warnings)
        return Loaded(Decoders(decoders), CustomRules(rules, lists), tuple(warnings))

    def _rules(self) -> list[CustomRule]:
        return [rule for file in self._files("rules") for rule in self._parsed(file, rules_in)]

    def _decoders(self) -> list[CustomDecoder]:
        found = [decoder for file in self._files("decoders") for decoder in self._parsed(file, decoders_in)]
        names = {decoder.name for decoder in found}
        for decoder in found:
            if decoder.parent and decoder.parent not in names:
                raise BadFile(f"(2101): Parent decoder name invalid: '{decoder.parent}'.")
        return found

    def _lists(self) -> dict[str, dict[str, str]]:
        """Those that the settings name and that are there."""
        try:
            roots = roots_of(self.settings_file.read_text())
        except BadFile as error:
            raise BadFile(f"(1226): Error reading XML file '{SETTINGS}': {error}") from error
        named = [(found.text or "").strip() for root in roots for found in root.findall("ruleset/list")]
        return {name: entries_in((self._disk / name).read_text()) for name in named if (self._disk / name).is_file()}

    def _files(self, kind: str) -> list[Path]:
        return sorted((self._disk / FOLDERS[kind]).glob("*.xml"))

    def _parsed[Row](self, file: Path, parse: Callable[[str], list[Row]]) -> list[Row]:
        try:
            return parse(file.read_text())
        except BadFile as error:
            raise BadFile(f"(1226): Error reading XML file '{file.relative_to(self._disk)}': {error}") from error

    @contextmanager
    def changing(self, file: Path) -> Iterator[None]:
        """A change of one file, of which nothing is left where it raises."""
        before = file.read_bytes() if file.exists() else None
        try:
            yield
            self._changed()
        except BadFile:
            if before is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(before)
            raise

    def texts(self) -> dict[str, str]:
        """What a cluster's managers share: every file by its path; settings are each one's own."""
        files = [file for kind in FOLDERS for file in sorted(self.file(kind, "").glob("*")) if file.is_file()]
        return {str(file.relative_to(self._disk)): file.read_text() for file in files}

    def take_over(self, texts: dict[str, str]) -> None:
        """Makes the files those of the master, and puts them into use where they differ."""
        before = self.texts()
        if texts == before:
            return
        for path in before.keys() - texts.keys():
            (self._disk / path).unlink()
        for path, text in texts.items():
            (self._disk / path).write_text(text)
        self.reload()


def entries_in(text: str) -> dict[str, str]:
    """The entries of a CDB list. Raises BadFile."""
    lines = [line for line in text.splitlines() if line.strip()]
    bad = next((line for line in lines if not LIST_LINE.fullmatch(line)), None)
    if bad is not None:
        raise BadFile(f"Bad format in CDB list: '{bad[:80]}'")
    pairs = (line.rpartition(":") for line in lines)
    return {key.strip('"'): value for key, _, value in pairs}


def _unique(rules: list[CustomRule], warnings: list[str]) -> list[CustomRule]:
    first: dict[str, CustomRule] = {}
    for rule in rules:
        if rule.id in first:
            warnings.append(f"(7612): Rule ID '{rule.id}' is duplicated. Only the first occurrence will be considered.")
        first.setdefault(rule.id, rule)
    return list(first.values())


def _known(rules: list[CustomRule], lists: dict[str, dict[str, str]], warnings: list[str]) -> list[CustomRule]:
    """The rules of which everything that they name is there."""
    ids, kept = {rule.id for rule in rules}, []
    for rule in rules:
        missing = next((look.list for look in rule.lookups if look.list not in lists), None)
        parents = [sid for sid in rule.if_sid if int(sid) < FIRST_OWN_ID or sid in ids]
        if missing is not None:
            warnings.append(f"(7616): List '{missing}' could not be loaded. Rule '{rule.id}' will be ignored.")
        elif rule.if_sid and not parents:
            warnings.append(
                f"(7617): Signature ID '{rule.if_sid[0]}' was not found and will be ignored in the 'if_sid' option "
                f"of rule '{rule.id}'."
            )
        else:
            kept.append(rule)
    return kept
