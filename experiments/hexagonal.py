"""A third kind of domain: images of hexagons, on which all works that works on pixels.

`HexagonalGrid` says how many hexagons there are, how a signal is laid out, and which hexagon lies
in which direction. Convolution, pooling, summary, training and explanations follow from that.

Test accuracy on Fashion-MNIST after 3 epochs, mean and standard deviation of 3 seeds:
76.5 ± 0.7 % on hexagons, 75.9 ± 0.5 % on as many pixels, with 5,086 and 5,130 weights, in
7 minutes on two CPU cores.

python experiments/hexagonal.py                      Fashion-MNIST, resampled
python experiments/hexagonal.py --dataset digits     8 x 8 digits that need no download
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import matplotlib.pyplot as plt
import torch
from matplotlib.collections import PolyCollection
from torch import Tensor, nn
from torch.nn.functional import grid_sample

import gnnvision as gv
from gnnvision import cli
from gnnvision.errors import invalid
from gnnvision.operators import Operator, Shift


@dataclass(frozen=True)
class HexagonalGrid(gv.Domain):
    """Rows of hexagons; every second row begins half a hexagon further to the right."""

    rows: int
    columns: int

    @property
    def num_sites(self) -> int:
        """The number of hexagons."""
        return self.rows * self.columns

    def to(self, device: torch.device | str) -> Self:
        """The grid itself, which has no tensors."""
        return self

    def to_sites(self, x: Tensor) -> Tensor:
        """(B, C, rows, columns) -> (N, B, C)."""
        return x.flatten(2).permute(2, 0, 1)

    def from_sites(self, y: Tensor) -> Tensor:
        """(N, B, C) -> (B, C, rows, columns)."""
        return y.permute(1, 2, 0).reshape(y.shape[1], y.shape[2], self.rows, self.columns)

    def places(self) -> tuple[Tensor, Tensor]:
        """The row and the column of each hexagon. Shapes (N,)."""
        sites = torch.arange(self.num_sites)
        return sites // self.columns, sites % self.columns

    def centers(self) -> Tensor:
        """Right and down, with distance 1 between neighbors. Shape (N, 2)."""
        row, column = self.places()
        return torch.stack([column + row % 2 / 2, row * 0.75**0.5], 1)

    def coarser(self) -> HexagonalGrid:
        """Every second hexagon of every second row, which are twice as far apart."""
        shape = -(-self.rows // 2), self.columns // 2
        return self.derived("coarser", lambda: HexagonalGrid(*shape))

    def shifts(self, dtype: torch.dtype, stride: int = 1) -> list[Operator]:
        """A family: the center and its six neighbors, counterclockwise from the right."""
        row, column = (self if stride == 1 else self.coarser()).places()
        row, column = stride * row, stride * column + (stride - 1) * (row % 2)
        odd, even, zero = row % 2, row % 2 - 1, 0 * row  # columns right and left in other rows
        steps = [
            (0, zero),
            (0, zero + 1),
            (-1, odd),
            (-1, even),
            (0, zero - 1),
            (1, even),
            (1, odd),
        ]
        sources = []
        for down, right in steps:
            i, j = row + down, column + right
            inside = (i >= 0) & (i < self.rows) & (j >= 0) & (j < self.columns)
            sources.append(torch.where(inside, i * self.columns + j, -1))
        return self.derived((dtype, stride), lambda: [Shift(s, self.num_sites) for s in sources])

    def means(self, dtype: torch.dtype) -> list[Operator]:
        """A family: the mean of seven hexagons, at those of the coarser grid."""
        center, *others = self.shifts(dtype, stride=2)
        return [sum(others, start=center) * (1 / 7)]


class HexagonalTask(gv.data.ImageTask):
    """An image task with hexagons in place of pixels."""

    @property
    def grid(self) -> HexagonalGrid:  # type: ignore[override]
        """The hexagons."""
        return HexagonalGrid(self.images.shape[2], self.images.shape[3])

    @classmethod
    def of(cls, task: gv.data.ImageTask) -> Self:
        """The task with images resampled at about as many hexagons as they have pixels."""
        height, width = (
            round(n * 0.75**s) for n, s in zip(task.grid.shape, (-0.25, 0.25), strict=True)
        )
        at = HexagonalGrid(height, width).centers().view(1, height, width, 2) + 0.5
        at = 2 * at / (at.amax((1, 2)) + 0.5) - 1  # from -1 to 1
        at = at.expand(len(task.images), -1, -1, -1)
        images = grid_sample(task.images.float(), at, padding_mode="border", align_corners=False)
        held = {field.name: getattr(task, field.name) for field in fields(task) if field.init}
        return cls(**held | {"images": images.round().byte()})


def draw(model: nn.Module, task: HexagonalTask, path: Path) -> None:
    """An image, attributions of its class, and four filters with their feature maps."""
    x, _, y = next(task.batches("test", batch_size=1))
    panels = {f"image: {task.class_names[int(y)]}": (task.grid, x)}
    for method in ("input_gradient", "occlusion", "grad_cam"):
        name = gv.explain.METHODS[method].title
        panels[name] = task.grid, gv.explain.attribute(model, x, task.grid, method).values
    maps = gv.explain.feature_maps(model, x, task.grid, "1").values[0]
    for channel, weights in enumerate(model.get_parameter("0.weight").detach()[:, 0, :4].T):
        kernel = torch.full((9,), torch.nan)
        kernel[[4, 5, 2, 1, 3, 7, 8]] = weights
        panels[f"filter {channel + 1}: weights"] = HexagonalGrid(3, 3), kernel
        panels[f"feature map {channel + 1}: ReLU"] = task.grid, maps[channel]
    angles = torch.arange(6) * torch.pi / 3
    corners = torch.stack([angles.sin(), angles.cos()], 1) / 3**0.5  # of a hexagon of width 1
    figure, axes = plt.subplots(3, 4, figsize=(12, 8), layout="constrained")
    for axis, (title, (grid, values)) in zip(axes.flat, panels.items(), strict=True):
        places = (grid.centers()[:, None] + corners) * torch.tensor([1, -1])
        signed = bool((values.nan_to_num() < 0).any())
        most = float(values.nan_to_num().abs().max())
        cells = PolyCollection(places.tolist(), cmap="RdBu_r" if signed else "viridis")
        cells.set(array=values.flatten().numpy(), clim=(-most if signed else 0, most))
        axis.add_collection(cells)
        axis.set(title=title, aspect="equal", xticks=[], yticks=[])
        axis.autoscale()
        figure.colorbar(cells, ax=axis, shrink=0.7)
    plt.savefig(path, dpi=120)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        dataset: A dataset of images with one channel.
        epochs: Passes over the training split.
        seeds: Number of networks, each with another initialization.
        out: Folder of all runs.
    """

    dataset: str = "fashion_mnist"
    epochs: int = 3
    seeds: int = 3
    out: Path = Path("runs")


def main(config: Config) -> None:
    """Train networks with about as many weights on hexagons and on pixels; draw the first one."""
    pixels = gv.data.load(config.dataset)
    if not isinstance(pixels, gv.data.ImageTask) or pixels.in_channels != 1:
        advice = "Use for example fashion_mnist, mnist or digits."
        raise invalid("dataset", "have images of one channel", repr(config.dataset), advice)
    hexagons, seven = HexagonalTask.of(pixels), HexagonalGrid.shifts
    first = gv.GraphConvolution(1, 18, seven, num_operators=7)
    second = gv.GraphConvolution(18, 36, seven, num_operators=7)
    pool = gv.Propagation(HexagonalGrid.means, out_domain=HexagonalGrid.coarser)
    head = gv.Readout("mean"), nn.Linear(36, pixels.num_classes)
    on_hexagons = gv.Sequential(first, nn.ReLU(), pool, second, nn.ReLU(), pool, *head)
    layers = gv.Conv2d(1, 16, 3, padding=1), gv.Conv2d(16, 32, 3, padding=1)
    square, head = (
        gv.AvgPool2d(3, 2, padding=1),
        (gv.Readout("mean"), nn.Linear(32, pixels.num_classes)),
    )
    on_pixels = gv.Sequential(layers[0], nn.ReLU(), square, layers[1], nn.ReLU(), square, *head)
    recipe = gv.Recipe(epochs=config.epochs, lr=0.01, batch_size=128, schedule="cosine")
    with cli.page("hexagonal", config) as page:
        print(gv.summary(on_hexagons, hexagons.grid, channels=1))
        print(gv.fit(on_hexagons, hexagons, recipe, config.seeds, folder=page.folder).summary())
        draw(on_hexagons, hexagons, page.folder / "hexagons.png")
        print(gv.fit(on_pixels, pixels, recipe, config.seeds).summary())


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
