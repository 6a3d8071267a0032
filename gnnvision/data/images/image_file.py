"""Decoding of one image file to 8-bit grayscale or RGB pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision._extras import require_extra
from gnnvision.data.images.formats import ENDINGS, unsupported_format

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ENDINGS", "MAX_PIXELS", "DecodedImage", "InvalidImage", "decode_image", "image_size"]

MAX_PIXELS = 50_000_000
_MAX_BYTES = 1 << 28
# Pillow supports sixty more formats; they are disabled to reduce the attack surface.
_FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
_ORIENTATION = 0x0112
_METADATA = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")


class InvalidImage(ValueError):
    """A file that cannot be decoded; `kind` is a key of `scan_report.INVALID`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Args:
        pixels: uint8 (H, W, 1) for grayscale, (H, W, 3) for color.
        notes: The conversions and other findings: (kind, reason) as in `Finding`.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[tuple[str, str], ...] = ()


def image_size(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width of an image file, after rotation by its EXIF orientation.

    Args:
        data: The content of the file.
        max_pixels: The largest number of pixels.

    Raises:
        InvalidImage: The file is not an image, or larger than the limit.
    """
    image = _open(data, max_pixels)
    try:
        late = int("exif" not in image.info)
        if image.format == "PNG" and data.count(b"eXIf") > 1 - late:
            image.load()  # it may follow the pixels
        width, height = image.size
        sideways = not _rotated_by_pillow(image) and _orientation(image) >= 5
    except Exception as error:
        raise _to_invalid_image(error) from error
    return (width, height) if sideways else (height, width)


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode an image file to 8-bit pixels.

    16-bit images are scaled, palettes and CMYK are converted to RGB, transparent images are
    placed on white, and the first image of an animation or of a file with several images is
    used. Images are rotated by their EXIF orientation, or that of XMP if there is none.

    Args:
        data: The content of the file.
        name: The name of the file; a wrong extension is noted.
        max_pixels: A larger image is not decoded.

    Raises:
        InvalidImage: The file is empty, not an image, truncated, damaged, too large, or one
            pixel wide or high.
    """
    image = _open(data, max_pixels)
    try:
        return _decode(image, name)
    except InvalidImage:
        raise
    except Exception as error:  # Pillow raises many types
        raise _to_invalid_image(error) from error


def _decode(image: Image, name: str) -> DecodedImage:
    from PIL import ImageOps

    if min(image.size) < 2:
        raise InvalidImage("tiny", f"{image.height} x {image.width} pixels")
    notes = []
    found = "JPEG" if image.format == "MPO" else image.format  # several JPEGs in one file
    if found != ENDINGS.get(PurePosixPath(name).suffix.lower()):
        notes.append(("wrong extension", f"is {found}"))
    tile = _tile(image)
    # Pillow rotates a TIFF when it loads it, and no other format.
    turned = _orientation(image) if image.format == "TIFF" else 1
    image.load()
    orientation = _orientation(image)
    if orientation != 1:
        ImageOps.exif_transpose(image, in_place=True)
    pixels = np.asarray(_to_gray_or_rgb(image, tile, notes))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if max(turned, orientation) != 1:
        notes.append(("rotated", f"EXIF orientation {max(turned, orientation)}"))
    pixels = np.ascontiguousarray(pixels)
    notes += _other_frames(image)
    return DecodedImage(pixels, tuple(notes))


def _open(data: bytes, max_pixels: int) -> Image:
    require_extra("images", "Reading image files", "PIL")
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise InvalidImage("empty file", "0 bytes")
    if len(data) > _MAX_BYTES:
        raise InvalidImage("oversized", f"{len(data)} bytes, the limit is {_MAX_BYTES}")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        other = unsupported_format(data[:512])
        if other:
            reason = f"{other} is not supported; convert it to JPEG or PNG"
            raise InvalidImage("unsupported", reason) from None
        raise InvalidImage("not an image", f"begins with {data[:16]!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage("oversized", str(error).split(",")[0]) from error
    except Exception as error:
        raise _to_invalid_image(error) from error
    if image.width * image.height > max_pixels:
        raise InvalidImage(
            "oversized", f"{image.height} x {image.width} pixels, the limit is {max_pixels}"
        )
    return image


def _to_invalid_image(error: Exception) -> InvalidImage:
    """The InvalidImage for an error of Pillow, whose decoders raise many types."""
    kind = "truncated" if "truncated" in str(error).lower() else "broken"
    return InvalidImage(kind, str(error) if isinstance(error, OSError) else repr(error))


def _tile(image: Image) -> str:
    """Pillow's description of the pixel format in the file, which loading discards."""
    tiles: list[Any] = getattr(image, "tile", [])
    return str(tiles[0][3]) if tiles else ""


def _rotated_by_pillow(image: Image) -> bool:
    """Whether Pillow already reports the size of the rotated image."""
    return image.format == "TIFF" and _ORIENTATION in image.tag_v2  # type: ignore[attr-defined]


def _orientation(image: Image) -> int:
    """The EXIF or XMP orientation, from 1 (upright) to 8."""
    if image.format != "TIFF" and not any(key in image.info for key in _METADATA):
        return 1  # most files; parsing takes as long as decoding a small image
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata: the image is kept as stored
        return 1
    return int(value) if value in range(1, 9) else 1


def _other_frames(image: Image) -> list[tuple[str, str]]:
    """The note for a file with several images or frames, of which the first is used."""
    try:
        if not getattr(image, "is_animated", False):
            return []
    except Exception:  # later frames are damaged, but not needed
        return []
    if image.format in ("TIFF", "MPO"):
        return [("several images", "the first is used")]
    # Counting the frames of a GIF would read all of them.
    count = f"{image.n_frames} frames" if image.format != "GIF" else "several frames"  # type: ignore[attr-defined]
    return [("animated", f"{count}, the first is used")]


def _to_gray_or_rgb(image: Image, tile: str, notes: list[tuple[str, str]]) -> Image:
    """The image converted to the mode "L" or "RGB"."""
    from PIL import Image as images

    transparent = _transparent_pixels(image, tile)
    if image.mode.startswith("I"):
        image = _from_16_bits(image, notes)
    elif ";16" in tile or (image.format == "PPM" and _is_deep_ppm(tile)):
        notes.append(("16-bit", "scaled to 8 bits"))
    if image.mode == "P":
        notes.append(("palette", "converted to RGB"))
    if transparent is not None:
        notes.append(("alpha", "placed on white"))
        white = images.new(image.mode, image.size, "white")
        return images.composite(white, image, images.fromarray(transparent)).convert(
            "L" if image.mode in ("1", "L") else "RGB"
        )
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        notes.append(("alpha", "placed on white"))
        gray = image.mode in ("LA", "La", "L", "1")
        image = image.convert("RGBA")
        white = images.new("RGBA", image.size, "white")
        return images.alpha_composite(white, image).convert("L" if gray else "RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("RGB", "P", "YCbCr", "CMYK"):
        if image.mode == "CMYK":
            notes.append(("CMYK", "converted to RGB"))
        return image.convert("RGB")
    raise InvalidImage("unsupported", f"Pillow mode {image.mode!r}")


def _transparent_pixels(image: Image, tile: str) -> NDArray[np.bool_] | None:
    """A mask of the pixels with the transparent color of a PNG; None if there is none.

    Pillow would compare the value in the file with pixels that it has already scaled.
    """
    value = image.info.pop("transparency", None) if image.mode not in ("P", "PA") else None
    if value is None or image.format != "PNG":
        if value is not None:
            image.info["transparency"] = value
        return None
    pixels = np.asarray(image)
    if image.mode == "RGB":
        # Pillow keeps the upper byte of 16-bit colors.
        wanted = np.array(value) >> (8 if ";16" in tile else 0)
        transparent: NDArray[np.bool_] = np.all(pixels == wanted, axis=2)
        return transparent
    if image.mode == "L" and ";" in tile:  # of 2 or 4 bits
        value = value * 255 // (2 ** int(tile.rpartition(";")[2]) - 1)
    transparent = pixels == (value != 0 if image.mode == "1" else value)
    return transparent


def _from_16_bits(image: Image, notes: list[tuple[str, str]]) -> Image:
    from PIL import Image as images

    values: NDArray[Any] = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise InvalidImage("unsupported", f"gray values from {low} to {high}")
    notes.append(("16-bit", f"scaled to 8 bits; values {low} to {high} of 65535"))
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(262) == 0:  # a TIFF in which 0 is white; Pillow inverts only 8-bit ones
        values = 65535 - values
    return images.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _is_deep_ppm(tile: str) -> bool:
    """Whether a color PPM has 16-bit values, which Pillow scales to 8 bits."""
    largest = tile.strip("()").rpartition(", ")[2]
    return largest.isdecimal() and int(largest) > 255
