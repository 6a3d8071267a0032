"""Pictures inside the page: small enough to be sent by mail, whatever they show."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

__all__ = ["embed", "size"]

_LARGE = 200_000  # bytes; drawings stay well below, photographs do not
_QUALITY = 88


def embed(path: Path) -> str:
    """A PNG as a data URI; a large one, which photographs make, as WebP if that is smaller."""
    content, kind = path.read_bytes(), "png"
    if len(content) > _LARGE:
        from PIL import Image

        with Image.open(path, formats=["PNG"]) as image, BytesIO() as packed:
            image.convert("RGB").save(packed, "WEBP", quality=_QUALITY)
            if packed.tell() < len(content):
                content, kind = packed.getvalue(), "webp"
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its header, so that the page does not jump."""
    head = path.read_bytes()[16:24]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
