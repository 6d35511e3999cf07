"""Decoders that a tenant brought, for lines that those of the manager leave alone."""

from dataclasses import replace

from local.nodes.manager.decoder import Event, decode
from local.nodes.manager.xml_files import CustomDecoder


class Decoders:
    """All decoders of a manager."""

    def __init__(self, own: list[CustomDecoder]) -> None:
        self._own = own

    def decode(self, log: str, location: str) -> Event:
        """Decodes as far as the line is understood."""
        event = decode(log, location)
        if event.decoder is not None:
            return event
        top = next((one for one in self._own if one.parent is None and _takes(one, event)), None)
        if top is None:
            return event
        data = _fields(top, event)
        for child in (one for one in self._own if one.parent == top.name and _takes(one, event)):
            data |= _fields(child, event)
        return replace(event, decoder=top.name, data=data)


def _takes(decoder: CustomDecoder, event: Event) -> bool:
    program = event.predecoder.get("program_name", "")
    if decoder.program_name is not None and not decoder.program_name.search(program):
        return False
    return decoder.prematch is None or decoder.prematch.search(event.message) is not None


def _fields(decoder: CustomDecoder, event: Event) -> dict[str, str]:
    found = decoder.regex.search(event.message) if decoder.regex else None
    return {name: value for name, value in zip(decoder.order, found.groups(), strict=True) if value} if found else {}
