"""A photograph as an array of pixels: one from scikit-learn, or your own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image
from gnnvision._extras import require_extra
from gnnvision._renamed import former_attributes
from gnnvision.data.paths import refuse_special
from gnnvision.errors import invalid

__all__ = ["Photo", "load_photo"]

CREDIT = (
    "Photograph: “china.jpg” of scikit-learn's sample images, by danielbuechele, CC BY 2.0, "
    "https://www.flickr.com/photos/danielbuechele/6061409035"
)
_SMALLEST = 64  # pixels; below, the windows of the examples do not fit


@former_attributes({"grey": "gray"})
@dataclass(frozen=True)
class Photo:
    """A color photograph.

    Args:
        name: of the file.
        pixels: red, green and blue from 0 to 1. Shape (3, H, W).
        credit: author and license, if they must be shown.
    """

    name: str
    pixels: Tensor
    credit: str = ""

    @property
    def gray(self) -> Tensor:
        """The luma of each pixel, from 0 to 1 (ITU-R BT.601). Shape (H, W)."""
        return torch.einsum("c,chw->hw", self.pixels.new_tensor(GRAY), self.pixels)

    @property
    def square(self) -> Photo:
        """The largest centered square."""
        height, width = self.pixels.shape[1:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        cut = self.pixels[:, top : top + side, left : left + side]
        return Photo(self.name, cut, self.credit)


# The weights of red, green and blue in a gray image; the eye is most sensitive to green.
GRAY = (0.299, 0.587, 0.114)


def load_photo(path: str | os.PathLike[str] | None = None, largest: int = 640) -> Photo:
    """Load a photograph, by default one that comes with scikit-learn.

    Args:
        path: an image file. Its EXIF orientation is applied.
        largest: the longer side, in pixels, to which a larger photograph is resized.

    Returns:
        The photograph, with pixels from 0 to 1.

    Raises:
        ValueError: if the file is missing or not an image, or is smaller than 64 pixels.

    Example:
        >>> load_photo().pixels.shape
        torch.Size([3, 427, 640])
    """
    require_extra("report", "Reading a photo", *(("PIL", "sklearn") if path is None else ("PIL",)))
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path is None:
        # Read as a file of the package: importing scikit-learn would take most of a second.
        found = find_spec("sklearn")
        assert found is not None
        assert found.origin is not None
        with Image.open(Path(found.origin).parent / "datasets" / "images" / "china.jpg") as opened:
            return Photo("china.jpg", _pixels(opened), CREDIT)
    refuse_special(path, "photo")
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow reports a broken PNG as a SyntaxError.
        known = not isinstance(error, UnidentifiedImageError)
        reason = (
            (getattr(error, "strerror", None) or str(error)) if known else "unknown image format"
        )
        got = f"{str(path)!r} ({reason})"
        raise invalid("photo", "be a readable image file", got, "Use a PNG or JPEG.") from error
    upright.thumbnail((largest, largest))
    if min(upright.size) < _SMALLEST:
        condition = f"be at least {_SMALLEST} pixels wide and high"
        got = f"{upright.size[0]} x {upright.size[1]} in {str(path)!r}"
        raise invalid("photo", condition, got, "Use a larger image.")
    return Photo(Path(path).name, _pixels(upright))


def _pixels(image: Image) -> Tensor:
    values = torch.from_numpy(np.array(image))  # (H, W, 3), from 0 to 255
    return values.permute(2, 0, 1).to(torch.float32) / 255
