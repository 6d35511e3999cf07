"""What a group shares with its agents: one merged file, as `merged.mg`."""

import hashlib

AGENT_CONF = "<agent_config>\n  <!-- Shared agent configuration here -->\n</agent_config>\n"


def merged_file(groups: list[str]) -> bytes:
    """The merged file of an agent in these groups: a header line, then each file after its size and name."""
    return f"#{'.'.join(groups)}\n!{len(AGENT_CONF)} agent.conf\n{AGENT_CONF}".encode()


def merged_sum(groups: list[str]) -> str:
    """The MD5 by which agent and manager compare the merged file."""
    return hashlib.md5(merged_file(groups), usedforsecurity=False).hexdigest()
