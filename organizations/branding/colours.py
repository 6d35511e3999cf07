"""
A brand's accent colours: read, measured against what they stand on, and written as a stylesheet.

An accent is text on the page's grounds and a ground for text: links, the marked line of a list, the first button. So it
needs a contrast of 4.5:1 to each of those grounds (WCAG 2.2, 1.4.3); what is written on it has the page's colour, and
thereby the same contrast.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

type Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""

NEEDED = 4.5
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_STEPS = 64


@dataclass(frozen=True)
class Scheme:
    """
    What a light or a dark page is made of.

    Attributes: grounds: by the words that people know them by, the page's own first; tint: how much of the accent is in
    its quiet ground; away: the colour with the greatest contrast to the grounds; mended: the word for going there.
    """

    grounds: Mapping[str, Colour]
    tint: float
    away: Colour
    mended: str

    @property
    def page(self) -> Colour:
        """The page's own ground, in which is written what stands on the accent."""
        return next(iter(self.grounds.values()))

    def soft(self, accent: Colour) -> Colour:
        """The accent's quiet ground."""
        return mixed(self.page, accent, self.tint)

    def least(self, accent: Colour) -> tuple[float, str]:
        """The least contrast that the accent has on this page, and on which ground."""
        grounds = {**self.grounds, "its own quiet tint": self.soft(accent)}
        return min((contrast(accent, ground), words) for words, ground in grounds.items())


# The grounds are --color-base-100, -200 and -300 of assets/src/theme.css.
LIGHT = Scheme(
    {"the page": (255, 255, 255), "a quiet panel": (247, 250, 250), "a line under the pointer": (237, 242, 242)},
    tint=0.07,
    away=(0, 0, 0),
    mended="darker",
)
DARK = Scheme(
    {"the page": (15, 21, 22), "a quiet panel": (10, 15, 16), "a line under the pointer": (27, 34, 36)},
    tint=0.12,
    away=(255, 255, 255),
    mended="lighter",
)
SCHEMES: Mapping[str, Scheme] = {"accent": LIGHT, "accent_dark": DARK}
"""By the name of the field that is seen on it."""
OURS = {"accent": "#005d5e", "accent_dark": "#60c5be"}
"""The product's own accents."""


def parsed(text: str) -> Colour | None:
    """A colour from its six hexadecimal digits behind a `#`; None where the text is none."""
    found = _HEX.fullmatch(text)
    return (int(found[1], 16), int(found[2], 16), int(found[3], 16)) if found else None


def written(colour: Colour) -> str:
    """'#0f766e', made of three numbers and nothing else."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(ground: Colour, colour: Colour, share: float) -> Colour:
    """A ground with a share of a colour in it, 0 to 1."""
    red, green, blue = (round(under + (over - under) * share) for under, over in zip(ground, colour, strict=True))
    return red, green, blue


def refusal(text: str, scheme: Scheme) -> str:
    """Why an accent can't be used on a page, with what was measured and what would do; empty where it can."""
    colour = parsed(text)
    if colour is None:
        return "A colour is a # and six hexadecimal digits, such as #0f766e."
    ratio, ground = scheme.least(colour)
    if ratio >= NEEDED:
        return ""
    return (
        f"{written(colour)} on {ground} has a contrast of {_in_words(ratio)}, and text needs {NEEDED}:1. "
        f"Choose a {scheme.mended} one: {written(_mended(colour, scheme))} would do."
    )


def stylesheet(accent: Colour, accent_dark: Colour) -> str:
    """CSS that gives the portal's accent other values, in light and in dark. Everything in it comes from numbers."""
    pairs = {
        "--color-primary": (accent, accent_dark),
        "--color-primary-content": (LIGHT.page, DARK.page),
        "--color-primary-soft": (LIGHT.soft(accent), DARK.soft(accent_dark)),
    }
    lines = (f"{name}:light-dark({written(light)},{written(dark)})" for name, (light, dark) in pairs.items())
    return f":root{{{';'.join(lines)}}}\n"


def _in_words(ratio: float) -> str:
    """Cut off, not rounded: 4.46 must not read as enough."""
    return f"{int(ratio * 10) / 10}:1"


def _mended(colour: Colour, scheme: Scheme) -> Colour:
    """The nearest colour towards black or white that has enough contrast everywhere."""
    ways = (mixed(colour, scheme.away, step / _STEPS) for step in range(_STEPS + 1))
    return next(each for each in ways if scheme.least(each)[0] >= NEEDED)


def _luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    red, green, blue = (_linear(each / 255) for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
