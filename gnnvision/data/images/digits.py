"""The 8x8 digits of scikit-learn, which need no download."""

from __future__ import annotations

import numpy as np

from gnnvision.data.card import Card
from gnnvision.data.images.arrays import ImageArrays

__all__ = ["read_digits"]

_LEVELS = 16


def read_digits(card: Card) -> ImageArrays:
    """1,797 handwritten digits, with their 17 gray levels scaled to 0 to 255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / _LEVELS)).astype(np.uint8)
    return ImageArrays(
        images=pixels[:, :, :, None],
        y=digits.target.astype(np.int64),
        split=np.zeros(len(pixels), dtype=np.uint8),
        class_names=card.class_names,
    )
