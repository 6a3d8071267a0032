"""What the networks for pictures share: the size of a picture, and the head."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from torch import nn

from gnnvision.domains import Grid
from gnnvision.domains.window import per_axis
from gnnvision.layers import Dropout, Readout, Sequential

__all__ = ["Head", "ImageSize", "classifier", "grid_after", "grid_of"]

ImageSize = int | Sequence[int]
Head = Literal["dense", "average"]


def grid_of(image_size: ImageSize) -> Grid:
    """The grid of a picture: (H, W), or one number for a square.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is not positive, or there are not two.
    """
    return Grid(per_axis(image_size, 2, "image_size"))


def grid_after(layers: Sequence[nn.Module], image_size: ImageSize) -> Grid:
    """The grid that the layers leave of a picture.

    Raises:
        ValueError: if the picture is too small for them.
    """
    try:
        out = Sequential(*layers).out_domain(grid_of(image_size))
    except ValueError as error:
        raise ValueError(
            f"'image_size' must be large enough for all layers, got {image_size} ({error}) "
            "Enlarge the pictures."
        ) from error
    assert isinstance(out, Grid)
    return out


def classifier(
    features: Sequence[nn.Module],
    channels: int,
    num_classes: int,
    image_size: ImageSize,
    *,
    hidden_channels: int,
    dropout: tuple[float, float],
    head: Head = "dense",
) -> Sequential:
    """The layers of `features` and, behind them, a head that makes logits.

    Args:
        features: the layers up to the last feature map.
        channels: of that map.
        num_classes: outputs.
        image_size: of the pictures.
        hidden_channels: width of the dense head's hidden layer.
        dropout: the chance that a number is left out, before and after that layer.
        head: "dense", two dense layers over all numbers of the map; or "average", the mean of
            each channel and one dense layer.

    Raises:
        ValueError: if `head` is neither of the two, or the pictures are too small.
    """
    size = grid_after(features, image_size).size
    if head == "average":
        return Sequential(*features, Readout("mean"), nn.Linear(channels, num_classes))
    if head != "dense":
        raise ValueError(f"'head' must be 'dense' or 'average', got {head!r}. Choose one.")
    before, after = ([Dropout(p)] if p else [] for p in dropout)
    return Sequential(
        *features,
        nn.Flatten(),
        *before,
        nn.Linear(channels * prod(size), hidden_channels),
        nn.ReLU(),
        *after,
        nn.Linear(hidden_channels, num_classes),
    )
