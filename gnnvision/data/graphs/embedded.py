"""Graphs that need no download: included in this package."""

from __future__ import annotations

from gnnvision.data.arrays import NodeArrays, read_npz
from gnnvision.data.card import Card
from gnnvision.data.files import read_verified
from gnnvision.data.root import datasets_folder

__all__ = ["read_embedded"]


def read_embedded(card: Card) -> NodeArrays:
    """The arrays of the card's one npz file in `datasets/embedded`, verified.

    Raises:
        ChecksumError: The file differs from the one that the card describes.
        ValueError: The arrays in it are inconsistent.
    """
    content = read_verified(card, datasets_folder() / "embedded")
    (data,) = content.values()
    return read_npz(data)
