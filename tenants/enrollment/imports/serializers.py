"""What crosses the wire of the API about imports."""

from typing import Any

from rest_framework import serializers

from tenants.enrollment.imports.lines import MOST_LINES
from tenants.enrollment.imports.marks import OUTCOMES

LONGEST_TEXT = MOST_LINES * 300


class ImportIn(serializers.Serializer[Any]):
    """Agents of another manager."""

    client_keys = serializers.CharField(
        max_length=LONGEST_TEXT,
        help_text="lines of a manager's client.keys: number, name, address, key; at most 500",
    )


class ImportedOut(serializers.Serializer[Any]):
    """What became of one line. `known`: this very agent is there already."""

    line = serializers.IntegerField()
    id = serializers.CharField(help_text="what Wazuh calls its id; empty where the line is none of an agent")
    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=list(OUTCOMES))
