"""Canvases that draw maps and receptive fields on an input; those of graphs: `layer_nodes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.explain import Field, Layer
from gnnvision.report.style import CLASS_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["FIELD", "Canvas", "ImageCanvas", "on_scale", "two_colors"]

FIELD = CLASS_COLORS[1]  # marks the receptive field
# Blue, white and red, light enough at the ends for text and lines on top.
_ENDS = ("#3f8fc9", "#b3d4ea", "white", "#f3bfa8", "#d8604c")
_LIMIT = 0.99  # quantile at the end of the scale, so that outliers do not wash out the rest
_LEAST_OPACITY = 0.12  # of a map over an image, so that small values are visible


def two_colors() -> Colormap:
    """The colormap of all maps: blue for negative values, white for 0, red for positive ones."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("maps", _ENDS)


def on_scale(values: Tensor, limit: float) -> NDArray[np.float64]:
    """Values from -limit to limit mapped to 0 to 1 for a colormap, clipped; NaN stays NaN."""
    shares = values.cpu().double().numpy() / (limit or 1.0)
    return np.asarray(0.5 + 0.5 * shares.clip(-1, 1))


class Canvas(ABC):
    """One input, on which maps and receptive fields are drawn.

    Attributes:
        aspect: height over width of a drawing.
        what: the kind of input, such as "image".
        sites: what its sites are called, in the plural.
        field_caption: how the receptive field is marked, as a clause.
        note: a remark on the drawing, in sentences; "" if there is none.
    """

    aspect: float = 1.0
    what: str = "input"
    sites: str = "nodes"
    field_caption: str = ""
    note: str = ""

    @abstractmethod
    def site(self, layer: Layer) -> int:
        """The index of the site of a layer whose receptive field is shown."""

    @abstractmethod
    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """Draw the input with the receptive field of one site, or alone if `field` is None."""

    @abstractmethod
    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, limit: float | None = None
    ) -> None:
        """Draw one map over the input: red for positive values, blue for negative ones.

        Args:
            axes: where to draw.
            values: one for each site of the layer. Shape (S,).
            layer: the layer of the map.
            limit: the magnitude at the end of the color scale; `color_limit` if not given.
        """

    def fits(self, layer: Layer) -> bool:
        """Whether values at the sites of a layer can be drawn."""
        return layer.domain is not None

    def color_limit(self, values: Tensor) -> float:
        """The magnitude at the end of a map's color scale: the 99th percentile."""
        sizes = values.float().abs().cpu()
        return float(sizes.quantile(_LIMIT)) or float(sizes.max())


class ImageCanvas(Canvas):
    """An image.

    Args:
        image: uint8 (C, H, W).
    """

    what = "image"
    sites = "pixels"
    field_caption = "the frame marks the receptive field of the site at the center of the maps"

    def __init__(self, image: Tensor) -> None:
        pixels = image.cpu().permute(1, 2, 0).numpy()
        self.pixels = pixels if pixels.shape[2] == 3 else pixels.mean(2)
        self.gray = pixels.mean(2)
        self.height, self.width = pixels.shape[:2]
        self.aspect = self.height / self.width

    def site(self, layer: Layer) -> int:
        """The index of the central site."""
        rows, columns = layer.domain.shape  # type: ignore[union-attr]
        return int(rows // 2 * columns + columns // 2)

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """Draw the image with a frame around the receptive field."""
        from matplotlib.patches import Rectangle

        axes.imshow(self.pixels, cmap="gray", vmin=0, vmax=255)
        if field is None or field.box is None:
            return
        (top, bottom), (left, right) = field.box
        box = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        box.set(edgecolor="white", linewidth=3.4, clip_on=False)
        axes.add_patch(box)
        inner = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        inner.set(edgecolor=FIELD, linewidth=1.8, clip_on=False)
        axes.add_patch(inner)

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, limit: float | None = None
    ) -> None:
        """Draw the map's pixels over the image in gray."""
        size = layer.domain.shape  # type: ignore[union-attr]
        shares = 2 * on_scale(values, limit or self.color_limit(values)).reshape(size) - 1
        place = (-0.5, self.width - 0.5, self.height - 0.5, -0.5)
        axes.imshow(128 + self.gray / 2, cmap="gray", vmin=0, vmax=255)
        opacity = np.where(shares == 0, 0.0, _LEAST_OPACITY + 0.78 * np.abs(shares))
        look: dict[str, Any] = {"cmap": two_colors(), "vmin": -1, "vmax": 1, "alpha": opacity}
        axes.imshow(shares, extent=place, interpolation="nearest", **look)
