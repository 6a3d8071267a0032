"""One image file to plain pixels: every kind of file, and none of their traps."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.images.formats import ENDINGS, unread_format

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ENDINGS", "MAX_PIXELS", "DecodedImage", "InvalidImage", "decode_image", "image_size"]

MAX_PIXELS = 50_000_000
_MAX_BYTES = 1 << 28
# Pillow knows sixty more formats; what is not needed is not offered to a hostile file.
_FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
_ORIENTATION = 0x0112
_REMARKS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")


class InvalidImage(ValueError):
    """A file that cannot be used; `kind` is one of `findings.INVALID`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Args:
        pixels: uint8 (H, W, 1) if it is gray, (H, W, 3) if it is colored.
        notes: What was converted or is odd: (kind, reason) as in `Finding`.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[tuple[str, str], ...] = ()


def image_size(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width of the upright image, from the head of its file.

    Raises:
        InvalidImage: It is no image, or one larger than the limit.
    """
    image = _open(data, max_pixels)
    try:
        if image.format == "PNG" and b"eXIf" in data and "exif" not in image.info:
            image.load()  # it stands after the pixels
        width, height = image.size
        lies = not _turned_by_pillow(image) and _orientation(image) >= 5
    except Exception as error:
        raise _bad(error) from error
    return (width, height) if lies else (height, width)


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Upright 8-bit pixels of an image file.

    16-bit images are scaled, palettes looked up, printing colors converted, transparency is
    laid on white, of an animation or a file of several images the first is taken. The
    orientation is that of EXIF, or of XMP where EXIF has none.

    Args:
        data: The content of the file.
        name: Its name; an ending that belongs to another format is noted.
        max_pixels: A larger image is not decoded.

    Raises:
        InvalidImage: The file is empty, no image, cut short, damaged, too large, or one pixel
            wide or high.
    """
    image = _open(data, max_pixels)
    try:
        return _decoded(image, name)
    except InvalidImage:
        raise
    except Exception as error:  # of the file, whatever Pillow makes of it
        raise _bad(error) from error


def _decoded(image: Image, name: str) -> DecodedImage:
    if min(image.size) < 2:
        raise InvalidImage("tiny", f"{image.height} x {image.width} pixels")
    notes = []
    found = "JPEG" if image.format == "MPO" else image.format  # several JPEGs in one file
    if found != ENDINGS.get(PurePosixPath(name).suffix.lower()):
        notes.append(("wrong extension", f"is {found}"))
    tile = _tile(image)
    # Pillow turns a TIFF as it loads it, and nothing else.
    turned = _orientation(image) if image.format == "TIFF" else 1
    image.load()
    orientation = _orientation(image)
    plain = _plain(image, tile, notes)
    pixels = np.asarray(plain)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if orientation != 1:
        pixels = _upright(pixels, orientation)
    if max(turned, orientation) != 1:
        notes.append(("rotated", f"EXIF orientation {max(turned, orientation)}"))
    pixels = np.ascontiguousarray(pixels)
    notes += _other_frames(image)
    return DecodedImage(pixels, tuple(notes))


def _open(data: bytes, max_pixels: int) -> Image:
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise InvalidImage("empty file", "0 bytes")
    if len(data) > _MAX_BYTES:
        raise InvalidImage("oversized", f"{len(data)} bytes, the limit is {_MAX_BYTES}")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        other = unread_format(data[:512])
        if other:
            reason = f"is {other}, which is not read; convert it to JPEG or PNG"
            raise InvalidImage("unsupported", reason) from None
        raise InvalidImage("not an image", f"begins with {data[:16]!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage("oversized", str(error).split(",")[0]) from error
    except Exception as error:
        raise _bad(error) from error
    if image.width * image.height > max_pixels:
        raise InvalidImage(
            "oversized", f"{image.height} x {image.width} pixels, the limit is {max_pixels}"
        )
    return image


def _bad(error: Exception) -> InvalidImage:
    """What an error of Pillow's means; each of its decoders has its own."""
    kind = "truncated" if "truncated" in str(error).lower() else "broken"
    return InvalidImage(kind, str(error) if isinstance(error, OSError) else repr(error))


def _tile(image: Image) -> str:
    """What the file says of its pixels' bits; it is gone once they are loaded."""
    tiles: list[Any] = getattr(image, "tile", [])
    return str(tiles[0][3]) if tiles else ""


def _turned_by_pillow(image: Image) -> bool:
    """Whether the size is already that of the upright image."""
    return image.format == "TIFF" and _ORIENTATION in image.tag_v2  # type: ignore[attr-defined]


def _orientation(image: Image) -> int:
    """The orientation of the remarks in a file, from 1, upright, to 8."""
    if image.format != "TIFF" and not any(key in image.info for key in _REMARKS):
        return 1  # as with most of them; looking further takes as long as decoding a small one
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged block of remarks leaves the image as it is stored
        return 1
    return int(value) if value in range(1, 9) else 1


def _other_frames(image: Image) -> list[tuple[str, str]]:
    """What to say of a file that holds more than the image that was taken."""
    try:
        if not getattr(image, "is_animated", False):
            return []
    except Exception:  # what comes after the first frame is damaged, and is not wanted
        return []
    if image.format in ("TIFF", "MPO"):
        return [("several images", "the first is taken")]
    # To count the frames of a GIF takes reading them all.
    count = f"{image.n_frames} frames" if image.format != "GIF" else "several frames"  # type: ignore[attr-defined]
    return [("animated", f"{count}, the first is taken")]


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo what the orientation says was done; 5 to 8 lie on their side."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _plain(image: Image, tile: str, notes: list[tuple[str, str]]) -> Image:
    """The image in the mode "L" or "RGB"."""
    from PIL import Image as images

    clear = _clear_pixels(image, tile)
    if image.mode.startswith("I"):
        image = _from_16_bits(image, notes)
    elif ";16" in tile or (image.format == "PPM" and _is_deep_ppm(tile)):
        notes.append(("16-bit", "scaled to 8 bits"))
    if image.mode == "P":
        notes.append(("palette", "colors looked up"))
    if clear is not None:
        notes.append(("alpha", "laid on white"))
        white = images.new(image.mode, image.size, "white")
        return images.composite(white, image, images.fromarray(clear)).convert(
            "L" if image.mode in ("1", "L") else "RGB"
        )
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        notes.append(("alpha", "laid on white"))
        gray = image.mode in ("LA", "La", "L", "1")
        image = image.convert("RGBA")
        white = images.new("RGBA", image.size, "white")
        return images.alpha_composite(white, image).convert("L" if gray else "RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("RGB", "P", "YCbCr", "CMYK"):
        if image.mode == "CMYK":
            notes.append(("CMYK", "converted from printing colors"))
        return image.convert("RGB")
    raise InvalidImage("unsupported", f"of Pillow's mode {image.mode!r}")


def _clear_pixels(image: Image, tile: str) -> NDArray[np.bool_] | None:
    """Where a gray or color image has the one value that means transparent; None for not.

    Pillow compares the value as it stands in the file with pixels that it has scaled already.
    """
    value = image.info.pop("transparency", None) if image.mode not in ("P", "PA") else None
    if value is None or image.format != "PNG":
        if value is not None:
            image.info["transparency"] = value
        return None
    pixels = np.asarray(image)
    if image.mode == "RGB":
        # Of 16-bit colors Pillow has kept the upper byte.
        wanted = np.array(value) >> (8 if ";16" in tile else 0)
        clear: NDArray[np.bool_] = np.all(pixels == wanted, axis=2)
        return clear
    if image.mode == "L" and ";" in tile:  # of 2 or 4 bits
        value = value * 255 // (2 ** int(tile.rpartition(";")[2]) - 1)
    clear = pixels == (value != 0 if image.mode == "1" else value)
    return clear


def _from_16_bits(image: Image, notes: list[tuple[str, str]]) -> Image:
    from PIL import Image as images

    values: NDArray[Any] = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise InvalidImage("unsupported", f"gray values from {low} to {high}")
    notes.append(("16-bit", f"scaled to 8 bits; values {low} to {high} of 65535"))
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(262) == 0:  # a TIFF in which 0 is white; Pillow minds that for 8 bits only
        values = 65535 - values
    return images.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _is_deep_ppm(tile: str) -> bool:
    """Whether the largest value of a color PPM, which Pillow scales, needs two bytes."""
    largest = tile.strip("()").rpartition(", ")[2]
    return largest.isdecimal() and int(largest) > 255
