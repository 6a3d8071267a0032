"""Pooling: one value for each window, and its effect on sensitivity to shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.basics.kernels import get_kernel, layer_from_kernels
from gnnvision.domains import Window
from gnnvision.errors import invalid, one_of

__all__ = ["ShiftSensitivity", "global_pool", "pool", "shift_sensitivity"]

Reduce = Literal["max", "average", "min"]


def pool(
    table: Tensor, kernel_size: int = 2, stride: int | None = None, reduce: Reduce = "max"
) -> Tensor:
    """Reduce every window to its maximum, mean or minimum. Pooling has no parameters.

    Args:
        table: one or more channels, each pooled separately. Shape (*, H, W).
        kernel_size: f.
        stride: s; the window size if not given, so that windows do not overlap.
        reduce: "max", "average" or "min".

    Returns:
        The pooled channels, of size floor((n - f) / s) + 1 along each axis. Shape (*, H', W').

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if the window does not fit or `reduce` is unknown.

    Example:
        >>> pool(torch.tensor([[4, 3, 8], [5, 5, 7], [6, 7, 5]]), 2, stride=1)
        tensor([[5, 8],
                [7, 7]])
    """
    window = Window.make(2, kernel_size, kernel_size if stride is None else stride)
    out = window.out_size(table.shape[-2:])
    windows: Tensor = table.flatten(-2)[..., window.sources(table.shape[-2:])]  # (*, K, M)
    pooled: Tensor = _reduce(windows, reduce).unflatten(-1, out)
    return pooled


def global_pool(table: Tensor, reduce: Reduce = "average") -> Tensor:
    """Reduce every channel to one value: pooling with the whole channel as one window.

    Args:
        table: one or more channels. Shape (*, H, W).
        reduce: "max", "average" or "min".

    Returns:
        One value for each channel. Shape (*).

    Raises:
        ValueError: if `reduce` is unknown.

    Example:
        >>> table = torch.tensor([[1, 5, 8, 7], [1, 3, 4, 2], [3, 2, 1, 4], [5, 7, 6, 2]])
        >>> [float(global_pool(table, reduce)) for reduce in ("max", "average", "min")]
        [8.0, 3.8125, 1.0]
    """
    return _reduce(table.flatten(-2).unsqueeze(-1), reduce)[..., 0]


def _reduce(windows: Tensor, reduce: Reduce) -> Tensor:
    """(*, K, M) -> (*, M)."""
    match one_of("reduce", reduce, get_args(Reduce)):
        case "max":
            return windows.amax(-2)
        case "min":
            return windows.amin(-2)
        case _:
            return windows.to(torch.get_default_dtype()).mean(-2)


@dataclass(frozen=True)
class ShiftSensitivity:
    """The relative change of features when the input is shifted.

    Args:
        shifts: in pixels.
        change: by name of the features, one value for each shift: |f(shifted) - f| / |f|, from 0
            (no change) to about 1.4 (unrelated features).
    """

    shifts: tuple[int, ...]
    change: dict[str, tuple[float, ...]]


@former_arguments(picture="image")
def shift_sensitivity(image: Tensor, most: int = 4, side: int = 64) -> ShiftSensitivity:
    """Measure how much the features of a window change when it is shifted over an image.

    The features are four edge maps after ReLU (dark to bright and bright to dark, horizontally and
    vertically), without pooling or with several kinds of pooling. The result is the mean over
    windows that tile the image.

    Args:
        image: grayscale, from 0 to 1. Shape (H, W).
        most: the largest shift, in pixels to the right.
        side: width and height of the windows.

    Returns:
        The relative change of each kind of features at shifts from 0 to `most`.

    Raises:
        ValueError: if the image is too small for one window.
    """
    height, width = image.shape
    need = side + 2  # the kernel needs one more pixel on each side
    if height < need or width < need + most:
        condition = f"be at least {need} pixels high and {need + most} wide"
        advice = "Use a larger image or a smaller 'side'."
        raise invalid("image", condition, f"{height} x {width}", advice)
    edges = torch.stack([get_kernel("vertical edges"), get_kernel("horizontal edges")])
    layer = layer_from_kernels(torch.cat([edges, -edges])[:, None].to(image.dtype), padding=0)
    maps = torch.relu(layer(image[None, None])[0])  # (4, H - 2, W - 2)
    down, across = maps.shape[1] // side, (maps.shape[2] - most) // side
    shifted = torch.stack(
        [maps[:, : down * side, d : d + across * side] for d in range(most + 1)]
    )  # (D, 4, down·side, across·side)
    tiles = shifted.unflatten(3, (across, side)).unflatten(2, (down, side))
    tiles = tiles.permute(2, 4, 0, 1, 3, 5).flatten(0, 1)  # (windows, D, 4, side, side)
    kinds: dict[str, tuple[int, Reduce]] = {"no pooling": (1, "max")}
    for size in (2, 4, 8):
        kinds |= {f"{reduce} {size}×{size}": (size, reduce) for reduce in get_args(Reduce)[:2]}
    kinds["global average"] = (side, "average")
    change = {}
    for name, (size, reduce) in kinds.items():
        features = pool(tiles, size, reduce=reduce).flatten(2)  # (windows, D, features)
        norm = features[:, :1].norm(dim=2).clamp(min=torch.finfo(image.dtype).tiny)
        moved = (features - features[:, :1]).norm(dim=2) / norm
        change[name] = tuple(moved.mean(0).tolist())
    return ShiftSensitivity(tuple(range(most + 1)), change)
