"""What groups share with their agents: the configuration of each, and one merged file an agent, as `merged.mg`."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

AGENT_CONF = "<agent_config>\n  <!-- Shared agent configuration here -->\n</agent_config>\n"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class SharedFiles:
    """The folders below etc/shared, one a group; what agents of the group get lies in it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._configurations = {found.parent.name: found.read_text() for found in folder.glob("*/agent.conf")}

    def groups(self) -> list[str]:
        return sorted(found.name for found in self._folder.iterdir() if found.is_dir())

    def add(self, group: str) -> None:
        """Gives a group that has no configuration the one that every group begins with."""
        if group not in self._configurations:
            self.configure(group, AGENT_CONF)

    def configure(self, group: str, text: str) -> None:
        file = self._folder / group / "agent.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self._configurations[group] = text

    def remove(self, group: str) -> None:
        self._configurations.pop(group, None)
        shutil.rmtree(self._folder / group, ignore_errors=True)

    def configuration(self, group: str) -> str:
        return self._configurations.get(group, AGENT_CONF)

    def merged(self, groups: Iterable[str]) -> bytes:
        """The merged file of an agent in these groups: a header line, then the configurations after size and name."""
        listed = list(groups)
        content = "".join(self.configuration(group) for group in listed)
        return f"#{'.'.join(listed)}\n!{len(content.encode())} agent.conf\n{content}".encode()

    def sum(self, groups: Iterable[str]) -> str:
        """The MD5 by which agent and manager compare the merged file."""
        return md5(self.merged(groups))
