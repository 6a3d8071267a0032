"""A photograph as numbers: one that comes with scikit-learn, or the reader's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image
from gnnvision.data.paths import refuse_special

__all__ = ["Photo", "load_photo"]

CREDIT = (
    "Photograph: “china.jpg” of scikit-learn's sample images, by danielbuechele, CC BY 2.0, "
    "https://www.flickr.com/photos/danielbuechele/6061409035"
)
_LEAST = 64  # pixels; below, the windows of the examples do not fit


@dataclass(frozen=True)
class Photo:
    """A color photograph.

    Args:
        name: of the file.
        pixels: red, green and blue from 0 to 1. Shape (3, H, W).
        credit: who took it, if that has to be said.
    """

    name: str
    pixels: Tensor
    credit: str = ""

    @property
    def gray(self) -> Tensor:
        """How bright each pixel looks, from 0 to 1 (ITU-R BT.601). Shape (H, W)."""
        return torch.einsum("c,chw->hw", self.pixels.new_tensor(GREY), self.pixels)

    @property
    def square(self) -> Photo:
        """The largest square in the middle."""
        height, width = self.pixels.shape[1:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        cut = self.pixels[:, top : top + side, left : left + side]
        return Photo(self.name, cut, self.credit)


GREY = (0.299, 0.587, 0.114)  # the eye is most sensitive to green


def load_photo(path: str | os.PathLike[str] | None = None, largest: int = 640) -> Photo:
    """Read a photograph, by default the temple that comes with scikit-learn.

    Args:
        path: a picture file; turned upright as its camera says, and made smaller if it is large.
        largest: the longer side, in pixels, of what is returned.

    Returns:
        The photograph, its pixels from 0 to 1.

    Raises:
        ValueError: if the file is missing or no picture, or it is smaller than 64 pixels.

    Example:
        >>> load_photo().pixels.shape
        torch.Size([3, 427, 640])
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path is None:
        from sklearn.datasets import load_sample_image

        return Photo("china.jpg", _pixels(Image.fromarray(load_sample_image("china.jpg"))), CREDIT)
    refuse_special(path, "photo")
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow reports a broken PNG as a SyntaxError.
        known = not isinstance(error, UnidentifiedImageError)
        reason = (getattr(error, "strerror", None) or str(error)) if known else "no picture format"
        raise ValueError(
            f"'photo' must be a picture file that can be read, got {str(path)!r} ({reason}). "
            "Give a PNG or JPEG."
        ) from error
    upright.thumbnail((largest, largest))
    if min(upright.size) < _LEAST:
        raise ValueError(
            f"'photo' must be at least {_LEAST} pixels wide and high, got {upright.size[0]} x "
            f"{upright.size[1]} in {str(path)!r}. Give a larger one."
        )
    return Photo(Path(path).name, _pixels(upright))


def _pixels(image: Image) -> Tensor:
    values = torch.from_numpy(np.array(image))  # (H, W, 3), from 0 to 255
    return values.permute(2, 0, 1).to(torch.float32) / 255
