"""A state as people see it: always an icon and a word in one of a few tones, never colour alone."""

from dataclasses import dataclass

TONE_CLASSES = {
    "ok": "st st-ok",
    "working": "st st-working",
    "attention": "st st-attention",
    "failed": "st st-failed",
    "off": "st st-off",
}
TONE_TEXT = {
    "ok": "text-ok",
    "working": "text-working",
    "attention": "text-attention",
    "failed": "text-failed",
    "off": "text-muted",
}


@dataclass(frozen=True)
class Mark:
    """One state's look. `why` is the reason said under it, if there is one."""

    tone: str
    icon: str
    word: str
    why: str = ""

    def saying(self, *, word: str = "", why: str = "") -> "Mark":
        """The same look with other words."""
        return Mark(self.tone, self.icon, word or self.word, why or self.why)


UNKNOWN = Mark("off", "circle-dashed", "Unknown")
