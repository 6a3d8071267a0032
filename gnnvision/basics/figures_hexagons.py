"""The figure of a network on hexagons: an image, its attributions, filters and feature maps."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from gnnvision.basics.hexagons import HexagonalGrid, HexagonalTask
from gnnvision.explain import METHODS, attribute, feature_maps

__all__ = ["draw_hexagons"]


def draw_hexagons(model: nn.Module, task: HexagonalTask, path: Path) -> None:
    """Draw an image, attributions of its class, and four filters with their feature maps.

    Args:
        model: the network, whose first layer has a weight for each of seven directions.
        task: the images; the first one to test is drawn.
        path: of the figure.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    x, _, y = next(task.batches("test", batch_size=1))
    panels = {f"image: {task.class_names[int(y)]}": (task.grid, x)}
    for method in ("input_gradient", "occlusion", "grad_cam"):
        name = METHODS[method].title
        panels[name] = task.grid, attribute(model, x, task.grid, method).values
    maps = feature_maps(model, x, task.grid, "1").values[0]
    for channel, weights in enumerate(model.get_parameter("0.weight").detach()[:, 0, :4].T):
        kernel = torch.full((9,), torch.nan)
        kernel[[4, 5, 2, 1, 3, 7, 8]] = weights
        panels[f"filter {channel + 1}: weights"] = HexagonalGrid(3, 3), kernel
        panels[f"feature map {channel + 1}: ReLU"] = task.grid, maps[channel]
    angles = torch.arange(6) * torch.pi / 3
    corners = torch.stack([angles.sin(), angles.cos()], 1) / 3**0.5  # of a hexagon of width 1
    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(3, 4)
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
    figure.savefig(path, dpi=120)
