"""Parts that the networks for images share: the image size and the classifier head."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, get_args

from torch import nn

from gnnvision.domains import Grid
from gnnvision.domains.window import per_axis
from gnnvision.errors import invalid, one_of
from gnnvision.layers import Dropout, Readout, Sequential

__all__ = ["Head", "ImageSize", "classifier", "grid_after", "grid_of"]

ImageSize = int | Sequence[int]
Head = Literal["dense", "average"]


def grid_of(image_size: ImageSize) -> Grid:
    """The grid of an image: (H, W), or one number for a square.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is not positive, or there are not two.
    """
    return Grid(per_axis(image_size, 2, "image_size"))


def grid_after(layers: Sequence[nn.Module], image_size: ImageSize) -> Grid:
    """The output grid of the layers for an image of this size.

    Raises:
        ValueError: if the image is too small for them.
    """
    try:
        out = Sequential(*layers).out_domain(grid_of(image_size))
    except ValueError as error:
        condition = "be large enough for all layers"
        raise invalid(
            "image_size", condition, f"{image_size} ({error})", "Use larger images."
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
    """A network of the layers of `features` and a head that returns logits.

    Args:
        features: the layers up to the last feature map.
        channels: channels of that map.
        num_classes: number of classes.
        image_size: size of the images.
        hidden_channels: width of the dense head's hidden layer.
        dropout: the probability of zeroing a value before and after that layer.
        head: "dense", two dense layers over all values of the map; or "average", global average
            pooling and one dense layer.

    Raises:
        ValueError: if `head` is not one of these, or the images are too small.
    """
    size = grid_after(features, image_size).shape
    if one_of("head", head, get_args(Head)) == "average":
        return Sequential(*features, Readout("mean"), nn.Linear(channels, num_classes))
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
