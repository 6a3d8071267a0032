"""Figures inside a page: SVG that follows its theme, and images small enough for an e-mail."""

from __future__ import annotations

import base64
import re
import zlib
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.report.style import THEMED

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["embed", "markup", "size"]

_LARGE = 200_000  # bytes; drawings stay well below, photographs do not
_QUALITY = 88
_PIXELS_A_POINT = 96 / 72

_OPENING = re.compile(r"<svg[^>]*>")
_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_ID = re.compile(r'((?<= )id="|url\(#|href="#)')
_COLOR = re.compile(f"(?:{'|'.join(THEMED)})(?![0-9a-f])", re.IGNORECASE)  # not of eight digits


def markup(path: Path, alt: str) -> Markup:
    """The HTML of a figure: an inline `<svg>`, or an `<img>` with embedded data.

    The ids of an SVG get a prefix of their own, so that figures of one page cannot take each
    other's. Its text and lines have the colors of the page's CSS variables `--ink`, `--muted`,
    `--faint`, `--grid` and `--figure` (the background), where the page defines them.

    Args:
        path: an SVG of `drawing`, or a PNG.
        alt: what the figure shows, for those who cannot see it.
    """
    from markupsafe import Markup

    label = escape(alt)
    if path.suffix != ".svg":
        width, height = size(path)
        image = f'<img src="{embed(path)}" width="{width}" height="{height}" alt="{label}">'
        return Markup(image)
    svg = path.read_text(encoding="utf-8")
    head, view = _OPENING.match(svg), _VIEW.search(svg)
    assert head is not None
    assert view is not None
    width, height = (round(_PIXELS_A_POINT * float(length)) for length in view.groups())
    prefix = f"f{zlib.crc32(f'{path.name} {alt}'.encode()):08x}-"
    body = _ID.sub(rf"\1{prefix}", svg[head.end() :]).replace("xlink:href", "href")
    body = _COLOR.sub(lambda found: f"var(--{THEMED[found[0].lower()]}, {found[0]})", body)
    opening = (
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" {view[0]} '
        'stroke-linejoin="round">'
    )
    return Markup(opening + body.strip())


def embed(path: Path) -> str:
    """A PNG as a data URI; a large one, which photographs make, as WebP if that is smaller."""
    content, kind = path.read_bytes(), "png"
    if len(content) > _LARGE:
        from PIL import Image

        with Image.open(path, formats=["PNG"]) as image, BytesIO() as packed:
            image.convert("RGB").save(packed, "WEBP", quality=_QUALITY, method=2)
            if packed.tell() < len(content):
                content, kind = packed.getvalue(), "webp"
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def size(path: Path) -> tuple[int, int]:
    """The width and height of a PNG in pixels, from its header."""
    head = path.read_bytes()[16:24]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
