"""Pooling: one number for each window, and what that does to small shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gnnvision.basics.kernels import hand_made, layer_with
from gnnvision.domains import Window

__all__ = ["ShiftChange", "global_pooled", "pooled", "shift_change"]

Reduce = Literal["max", "average", "min"]


def pooled(
    table: Tensor, kernel_size: int = 2, stride: int | None = None, reduce: Reduce = "max"
) -> Tensor:
    """The largest, mean or smallest number of every window. There is nothing to learn.

    Args:
        table: one or more channels, each pooled by itself. Shape (*, H, W).
        kernel_size: f.
        stride: s; as large as the window if not given, so that windows do not overlap.
        reduce: "max", "average" or "min".

    Returns:
        Shape (*, H', W'), with floor((n - f) / s) + 1 sites along each axis.

    Raises:
        TypeError: if a size is no integer.
        ValueError: if the window does not fit or `reduce` is unknown.

    Example:
        >>> pooled(torch.tensor([[4, 3, 8], [5, 5, 7], [6, 7, 5]]), 2, stride=1)
        tensor([[5, 8],
                [7, 7]])
    """
    window = Window.make(2, kernel_size, kernel_size if stride is None else stride)
    out = window.out_size(table.shape[-2:])
    windows: Tensor = table.flatten(-2)[..., window.sources(table.shape[-2:])]  # (*, K, M)
    found: Tensor = _reduced(windows, reduce).unflatten(-1, out)
    return found


def global_pooled(table: Tensor, reduce: Reduce = "average") -> Tensor:
    """One number for each channel, from everywhere: pooling without window and stride.

    Args:
        table: Shape (*, H, W).
        reduce: "max", "average" or "min".

    Returns:
        Shape (*).

    Raises:
        ValueError: if `reduce` is unknown.

    Example:
        >>> table = torch.tensor([[1, 5, 8, 7], [1, 3, 4, 2], [3, 2, 1, 4], [5, 7, 6, 2]])
        >>> [float(global_pooled(table, how)) for how in ("max", "average", "min")]
        [8.0, 3.8125, 1.0]
    """
    return _reduced(table.flatten(-2).unsqueeze(-1), reduce)[..., 0]


def _reduced(windows: Tensor, reduce: Reduce) -> Tensor:
    """(*, K, M) -> (*, M)."""
    match reduce:
        case "max":
            return windows.amax(-2)
        case "min":
            return windows.amin(-2)
        case "average":
            return windows.to(torch.get_default_dtype()).mean(-2)
    raise ValueError(
        f"'reduce' must be 'max', 'average' or 'min', got {reduce!r}. Choose one of them."
    )


@dataclass(frozen=True)
class ShiftChange:
    """How much the features change when the picture moves.

    Args:
        shifts: in pixels.
        change: by name of the features, one number for each shift: |f(moved) - f| / |f|, from 0
            (nothing changes) to about 1.4 (nothing to do with each other).
    """

    shifts: tuple[int, ...]
    change: dict[str, tuple[float, ...]]


def shift_change(picture: Tensor, most: int = 4, side: int = 64) -> ShiftChange:
    """Move a window over a picture by some pixels, and measure how much its features change.

    The features are four edge maps after ReLU: bright to dark and dark to bright, in both
    directions. They are taken as they are, or pooled; the mean is over windows all over the
    picture.

    Args:
        picture: gray, from 0 to 1. Shape (H, W).
        most: the largest shift, in pixels to the right.
        side: of the windows.

    Returns:
        The relative change of each kind of features at shifts from 0 to `most`.

    Raises:
        ValueError: if the picture is too small for one window.
    """
    height, width = picture.shape
    need = side + 2  # the kernel takes one pixel on either side
    if height < need or width < need + most:
        raise ValueError(
            f"'picture' must be at least {need} pixels high and {need + most} wide, got "
            f"{height} x {width}. Give a larger one, or a smaller 'side'."
        )
    edges = torch.stack([hand_made("vertical edges"), hand_made("horizontal edges")])
    layer = layer_with(torch.cat([edges, -edges])[:, None].to(picture.dtype), padding=0)
    maps = torch.relu(layer(picture[None, None])[0])  # (4, H - 2, W - 2)
    corners = [
        (top, left)
        for top in range(0, maps.shape[1] - side + 1, side)
        for left in range(0, maps.shape[2] - side - most + 1, side)
    ]
    kinds: dict[str, tuple[int, Reduce]] = {"not pooled": (1, "max")}
    hows: tuple[Reduce, ...] = ("max", "average")
    for size in (2, 4, 8):
        kinds |= {f"{how} {size}×{size}": (size, how) for how in hows}
    kinds["average over all"] = (side, "average")
    change = {}
    for name, kind in kinds.items():
        moved = [
            torch.stack([_features(maps, corner, d, side, *kind) for corner in corners])
            for d in range(most + 1)
        ]
        norm = moved[0].norm(dim=1).clamp(min=torch.finfo(picture.dtype).tiny)
        change[name] = tuple(
            float(((features - moved[0]).norm(dim=1) / norm).mean()) for features in moved
        )
    return ShiftChange(tuple(range(most + 1)), change)


def _features(
    maps: Tensor, corner: tuple[int, int], shift: int, side: int, size: int, reduce: Reduce
) -> Tensor:
    top, left = corner
    cut = maps[:, top : top + side, left + shift : left + shift + side]
    return pooled(cut, size, reduce=reduce).flatten()
