"""What feature maps are drawn on: a picture; for graphs see `layer_nodes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.explain import Layer
from gnnvision.explain.receptive import Field
from gnnvision.report.style import CLASS_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["SEEN", "Canvas", "PictureCanvas", "on_scale", "two_colors"]

SEEN = CLASS_COLORS[1]
# Blue, white and red, light enough at the ends for letters and lines to be read on them.
_ENDS = ("#3f8fc9", "#b3d4ea", "white", "#f3bfa8", "#d8604c")
_FULL = 0.99  # else a few outliers leave the rest of a map without color
_FEWEST_STRENGTH = 0.12  # of a map over a picture, so that its small numbers are seen as well


def two_colors() -> Colormap:
    """The scale of all maps: blue for negative numbers, white for 0, red for positive ones."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("maps", _ENDS)


def on_scale(values: Tensor, most: float) -> NDArray[np.float64]:
    """Where numbers lie on a scale of two colors, from 0 to 1 with 0.5 for none; NaN stays."""
    shares = values.cpu().double().numpy() / (most or 1.0)
    return np.asarray(0.5 + 0.5 * shares.clip(-1, 1))


class Canvas(ABC):
    """One input, on which maps and receptive fields are drawn."""

    aspect: float = 1.0  # of a drawing, height over width
    what: str = "input"
    seen: str = ""  # what the first picture of a row shows, in words
    note: str = ""

    @abstractmethod
    def site(self, layer: Layer) -> int:
        """The site of a layer whose receptive field is shown."""

    @abstractmethod
    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The input, and on it what one site of a layer sees; the input alone if not known."""

    @abstractmethod
    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """One map over the input: red for positive numbers, blue for negative ones.

        Args:
            axes: where.
            values: a number for each site of the layer. Shape (S,).
            layer: that made them.
            most: the number that has the full color; that of `self.most` if not given.
        """

    def fits(self, layer: Layer) -> bool:
        """Whether the sites of a layer have a place on it."""
        return layer.domain is not None

    def most(self, values: Tensor) -> float:
        """The number of a map that has the full color: the largest, but for one in a hundred."""
        sizes = values.float().abs().cpu()
        return float(sizes.quantile(_FULL)) or float(sizes.max())


class PictureCanvas(Canvas):
    """A picture.

    Args:
        picture: uint8 (C, H, W).
    """

    what = "picture"
    seen = "the frame is what one number in the middle of a map can see of the picture"

    def __init__(self, picture: Tensor) -> None:
        pixels = picture.cpu().permute(1, 2, 0).numpy()
        self.pixels = pixels if pixels.shape[2] == 3 else pixels.mean(2)
        self.gray = pixels.mean(2)
        self.height, self.width = pixels.shape[:2]
        self.aspect = self.height / self.width

    def site(self, layer: Layer) -> int:
        """The one in the middle."""
        rows, columns = layer.domain.size  # type: ignore[union-attr]
        return int(rows // 2 * columns + columns // 2)

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The picture, with the box of what is seen."""
        from matplotlib.patches import Rectangle

        axes.imshow(self.pixels, cmap="gray", vmin=0, vmax=255)
        if field is None or field.box is None:
            return
        (top, bottom), (left, right) = field.box
        box = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        box.set(edgecolor="white", linewidth=3.4, clip_on=False)
        axes.add_patch(box)
        inner = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        inner.set(edgecolor=SEEN, linewidth=1.8, clip_on=False)
        axes.add_patch(inner)

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """The map's pixels over the picture in gray."""
        size = layer.domain.size  # type: ignore[union-attr]
        shares = 2 * on_scale(values, most or self.most(values)).reshape(size) - 1
        place = (-0.5, self.width - 0.5, self.height - 0.5, -0.5)
        axes.imshow(128 + self.gray / 2, cmap="gray", vmin=0, vmax=255)
        strength = np.where(shares == 0, 0.0, _FEWEST_STRENGTH + 0.78 * np.abs(shares))
        look: dict[str, Any] = {"cmap": two_colors(), "vmin": -1, "vmax": 1, "alpha": strength}
        axes.imshow(shares, extent=place, interpolation="nearest", **look)
