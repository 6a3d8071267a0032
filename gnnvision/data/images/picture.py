"""One image file to plain pixels: every kind of file, and none of their traps."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ENDINGS", "MAX_PIXELS", "BadPicture", "Picture", "decode_picture", "measure_picture"]

MAX_PIXELS = 50_000_000
_MAX_BYTES = 1 << 28
ENDINGS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".gif": "GIF",
    ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM",
    ".pbm": "PPM", ".pnm": "PPM",
}  # fmt: skip
# Pillow knows sixty more formats; what is not needed is not offered to a hostile file.
_FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
_ORIENTATION = 0x0112


class BadPicture(ValueError):
    """A file that cannot be used; `kind` is one of `findings.INVALID`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Args:
        pixels: uint8 (H, W, 1) if it is gray, (H, W, 3) if it is coloured.
        notes: What was converted or is odd: (kind, reason) as in `Finding`.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[tuple[str, str], ...] = ()


def measure_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width of the upright picture, from the head of its file.

    Raises:
        BadPicture: It is no picture, or one larger than the limit.
    """
    image = _open(data, max_pixels)
    width, height = image.size
    return (width, height) if _orientation(image) >= 5 else (height, width)


def decode_picture(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Upright 8-bit pixels of an image file.

    16-bit pictures are scaled, palettes looked up, printing colours converted, transparency is
    laid on white, of an animation the first frame is taken.

    Args:
        data: The content of the file.
        name: Its name; an ending that belongs to another format is noted.
        max_pixels: A larger picture is not decoded.

    Raises:
        BadPicture: The file is empty, no image, cut short, damaged, too large, or one pixel
            wide or high.
    """
    image = _open(data, max_pixels)
    if min(image.size) < 2:
        raise BadPicture("tiny", f"{image.height} x {image.width} pixels")
    notes = []
    expected = ENDINGS.get(PurePosixPath(name).suffix.lower())
    if image.format != expected:
        notes.append(("wrong extension", f"is {image.format}"))
    if getattr(image, "n_frames", 1) > 1:
        notes.append(("animated", f"{image.n_frames} frames, the first is taken"))  # type: ignore[attr-defined]
    # Pillow gives 16-bit colours as 8-bit ones and mentions it nowhere else.
    deep = image.mode.startswith("I") or _is_deep(image)
    orientation = _orientation(image)
    try:
        image.load()
        plain = _plain(image, notes)
    except BadPicture:
        raise
    except Exception as error:
        raise _bad(error) from error
    if deep:
        notes.append(("16-bit", "scaled to 8 bits"))
    pixels = np.asarray(plain)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if orientation != 1:
        pixels = _upright(pixels, orientation)
        notes.append(("rotated", f"EXIF orientation {orientation}"))
    return Picture(np.ascontiguousarray(pixels), tuple(notes))


def _open(data: bytes, max_pixels: int) -> Image:
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise BadPicture("empty file", "0 bytes")
    if len(data) > _MAX_BYTES:
        raise BadPicture("oversized", f"{len(data)} bytes, the limit is {_MAX_BYTES}")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise BadPicture("not an image", f"begins with {data[:16]!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture("oversized", str(error).split(",")[0]) from error
    except Exception as error:
        raise _bad(error) from error
    if image.width * image.height > max_pixels:
        raise BadPicture(
            "oversized", f"{image.height} x {image.width} pixels, the limit is {max_pixels}"
        )
    return image


def _bad(error: Exception) -> BadPicture:
    """What an error of Pillow's means; each of its decoders has its own."""
    kind = "truncated" if "truncated" in str(error).lower() else "broken"
    return BadPicture(kind, str(error) if isinstance(error, OSError) else repr(error))


def _is_deep(image: Image) -> bool:
    tiles: list[Any] = getattr(image, "tile", [])
    return any(";16" in str(tile[3]) for tile in tiles)


def _orientation(image: Image) -> int:
    """The EXIF orientation from 1, upright, to 8."""
    if image.format not in ("JPEG", "PNG", "WEBP", "TIFF"):
        return 1
    if image.format == "JPEG" and "exif" not in image.info:
        return 1  # as with most of them; looking further takes as long as decoding a small one
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged block of remarks leaves the picture as it is stored
        return 1
    return value if value in range(1, 9) else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo what the orientation says was done; 5 to 8 lie on their side."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _plain(image: Image, notes: list[tuple[str, str]]) -> Image:
    """The picture in the mode "L" or "RGB"."""
    from PIL import Image as images

    if image.mode == "P":
        notes.append(("palette", "colours looked up"))
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        notes.append(("alpha", "laid on white"))
        gray = image.mode in ("LA", "La", "L", "1")
        image = image.convert("RGBA")
        white = images.new("RGBA", image.size, "white")
        return images.alpha_composite(white, image).convert("L" if gray else "RGB")
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("RGB", "P", "YCbCr", "CMYK"):
        if image.mode == "CMYK":
            notes.append(("CMYK", "converted from printing colours"))
        return image.convert("RGB")
    raise BadPicture("unsupported", f"of Pillow's mode {image.mode!r}")


def _from_16_bits(image: Image) -> Image:
    from PIL import Image as images

    values: NDArray[Any] = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise BadPicture("unsupported", f"gray values from {values.min()} to {values.max()}")
    return images.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
