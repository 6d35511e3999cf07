"""
Logos: a picture that somebody sends is taken in as pixels, and nothing else of it is kept.

The attacks: a small file that unfolds to gigabytes, a picture that is a page or an archive too, one with script in it,
one with a place or a name in its metadata, one that trips over a decoder. So what comes is bounded in bytes before it
is looked at, and in pixels before it is decoded; three decoders are asked and no other; and what is kept is written
anew from the pixels.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from controlplane.problems import Invalid

LARGEST_BYTES = 512 * 1024
MOST_PIXELS = 4_000_000
LARGEST = (320, 80)
"""Width and height in pixels of what is kept; a larger picture is made smaller."""
MOST_KEPT_BYTES = 64 * 1024
FORMATS = ("PNG", "JPEG", "WEBP")
_LOOKED_AT = 1024


@dataclass(frozen=True)
class Logo:
    """A PNG of ours with its measures in pixels."""

    png: bytes
    width: int
    height: int


def taken(content: bytes, *, field: str) -> Logo:
    """The logo of a file. Raises Invalid naming `field`, with what is wrong with it and what to do."""
    if len(content) > LARGEST_BYTES:
        raise _refused(f"The picture has more than {LARGEST_BYTES // 1024} KiB. Save it smaller.", field)
    if _is_svg(content):
        raise _refused("An SVG can carry script, so none is taken. Export it as PNG.", field)
    try:
        return _kept(_decoded(content, field))
    except Invalid:
        raise
    except Exception as error:
        # Decoders trip over what is broken in dozens of ways, and each of them means the same.
        raise _refused("The picture is damaged: it can't be read to its end. Export it anew.", field) from error


def _decoded(content: bytes, field: str) -> Image.Image:
    try:
        # Reads the header alone. The kind is told by the content, whatever the file is called.
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(field) from error
    except Exception as error:
        raise _refused("This is no PNG, JPEG or WebP picture. Export the logo as one of these.", field) from error
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(field)
    if getattr(image, "n_frames", 1) > 1:
        raise _refused("The picture moves, or holds several. Export one picture.", field)
    image.load()
    return image


def _kept(image: Image.Image) -> Logo:
    """Only the pixels, upright, at most `LARGEST`: no metadata, no profile, nothing that stood behind the picture."""
    upright = ImageOps.exif_transpose(image)
    plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB").convert("RGBA")
    plain.thumbnail(LARGEST, Image.Resampling.LANCZOS)
    pixels = Image.new("RGBA", plain.size)
    pixels.paste(plain)
    png = _as_png(pixels)
    if len(png) > MOST_KEPT_BYTES:
        # A photograph rather than a logo. 256 colours of so few pixels always fit.
        png = _as_png(pixels.quantize(256, method=Image.Quantize.FASTOCTREE))
    return Logo(png, *pixels.size)


def _as_png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


def _is_svg(content: bytes) -> bool:
    """Told by its beginning, also behind a byte order mark, white space, comments or an XML declaration."""
    beginning = content[:_LOOKED_AT].replace(b"\0", b"").lower()
    return b"<svg" in beginning or b"<?xml" in beginning or b"<!doctype svg" in beginning


def _too_large(field: str) -> Invalid:
    most = f"{MOST_PIXELS // 1_000_000} million pixels"
    return _refused(
        f"The picture has more than {most}. Save it with fewer; {LARGEST[0]} × {LARGEST[1]} suffice.", field
    )


def _refused(why: str, field: str) -> Invalid:
    return Invalid(f"{why} Nothing was changed.", field=field)
