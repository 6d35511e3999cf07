"""How what became of imported lines looks: a table read by pages and by the API's description."""

from collections.abc import Mapping

from controlplane.marks import Mark

OUTCOMES: Mapping[str, Mark] = {
    "imported": Mark("ok", "circle-check", "Imported"),
    "known": Mark("off", "circle-check", "There already"),
    "number_taken": Mark("failed", "circle-x", "Another agent has this number"),
    "name_taken": Mark("failed", "circle-x", "Another agent has this name"),
    "limit": Mark("failed", "circle-x", "The plan has no room for more agents"),
    "malformed": Mark("failed", "circle-x", "This is no line of client.keys"),
    "removed": Mark("off", "circle-dashed", "Was removed there; passed over"),
}
