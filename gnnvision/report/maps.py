"""The filters of the first layer and its feature maps of one test image."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.data import ImageTask
from gnnvision.explain import Call, trace
from gnnvision.report.images import model_input
from gnnvision.report.layer_filters import filter_pixels
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import Tile, as_tile, draw_sheet, even, sheet_path, signed
from gnnvision.report.style import CLASS_COLORS
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["chosen_maps", "first_layer", "maps"]

_MOST_FILTERS = 64
_LARGE = 8  # pixels along a side; fewer of such large filters are shown
_MOST_MAPS = 31  # and the image itself
_COLUMNS = 8
_IN_TWO_COLORS = "Red: positive, white: 0, blue: negative"


def maps(run: Run) -> Section | None:
    """The section "Filters and feature maps" of the first layer; None if it reads no pixels."""
    task = run.images
    if not len(task.split.test):
        return None
    item = int(np.random.default_rng(0).choice(task.split.test))
    model = run.result.model
    _, calls = trace(model, model_input(task, torch.tensor([item]), model), task.grid)
    call = first_layer(calls, task)
    if call is None:
        return None
    weight = _weights(call.module, task)
    figures = [] if weight is None else [_filters(run, weight, call.name)]
    if isinstance(call.module, nn.Linear):
        title = "Weights of the first layer"
        lead = (
            f"The first layer with weights, {call.name}, is fully connected: each unit has one "
            "weight for every pixel, so its weights can be shown as an image."
        )
    else:
        title = "Filters and feature maps of the first layer"
        figures.append(_maps(run, task, call, item))
        lead = (
            f"The first convolution, layer {call.name}, has {call.output.shape[1]:,} filters. "
            "Each filter slides over the image; its feature map is large where the image "
            "resembles the filter."
        )
    note = "The model of the best seed. " if len(run.result.outcomes) > 1 else ""
    if weight is not None and weight.shape[1] == 3:
        note += "Filters on RGB channels are shown in color, with 0 as medium gray. "
    note += "Each filter and each map is scaled by its largest absolute value."
    return Section(title, lead, figures, note=note)


def chosen_maps(run: Run) -> Section | None:
    """The section of feature maps of the layers that a network names in its `shown_layers`."""
    task, model = run.images, run.result.model
    names = getattr(model, "shown_layers", ())
    if not names or not len(task.split.test):
        return None
    item = int(np.random.default_rng(0).choice(task.split.test))
    _, calls = trace(model, model_input(task, torch.tensor([item]), model), task.grid)
    shown = {call.name: call for call in calls if call.name in names}
    figures = [_maps(run, task, call, item, f"_{name}") for name, call in shown.items()]
    numbers = ", ".join(name.rpartition(".")[2] for name in shown)
    lead = (
        f"The maps of layers {numbers}: edges and colors in the first, in which a value depends "
        "on few pixels; coarse and abstract patterns in the last, in which it depends on many."
    )
    note = "The same image in each; the maps have fewer pixels after each pooling."
    return Section(f"Feature maps of layers {numbers}", lead, figures, note=note, wide=True)


def first_layer(calls: list[Call], task: ImageTask) -> Call | None:
    """The first convolution on images, or a first fully connected layer on all their pixels."""
    for call in calls:
        if isinstance(call.module, nn.Conv2d):
            return call
        if isinstance(call.module, nn.Linear):
            pixels = task.in_channels * prod(task.grid.shape)
            return call if call.module.in_features == pixels else None
    return None


def _weights(module: nn.Module, task: ImageTask) -> Tensor | None:
    """The filters (n, C, h, w); None if each is a single pixel."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    held = weight.detach().float().cpu()
    if held.ndim == 2:
        return held.view(-1, task.in_channels, *task.grid.shape)
    return held if prod(held.shape[2:]) > 1 else None


def _filters(run: Run, weight: Tensor, name: str) -> Figure:
    shown = weight[: _MOST_FILTERS if weight.shape[2] < _LARGE else _MOST_FILTERS // 2]
    tiles = [Tile(filter_pixels(one.numpy())) for one in shown]
    path = sheet_path(run.figures / "filters", tiles)
    draw_sheet(path, tiles, even(len(shown), _COLUMNS))
    columns = [f"w{c}_{i}_{j}" for c, i, j in np.ndindex(*weight.shape[1:])]
    write_csv(
        path.with_suffix(".csv"),
        [
            {"filter": n} | dict(zip(columns, one.flatten().tolist(), strict=True))
            for n, one in enumerate(shown)
        ],
    )
    size = f"{weight.shape[2]} × {weight.shape[3]}"
    some = "The first " if len(weight) > len(shown) else "The "
    caption = f"{some}{len(shown)} filters of layer {name}, {size} pixels each."
    if weight.shape[1] != 3:
        caption += f" {_IN_TWO_COLORS}"
        caption += ", averaged over the channels." if weight.shape[1] > 1 else "."
    return Figure(path, f"{plural(len(shown), 'filter')} of the first layer as images.", caption)


def _maps(run: Run, task: ImageTask, call: Call, item: int, suffix: str = "") -> Figure:
    found = call.output[0].float().cpu().numpy()
    shown = found[:_MOST_MAPS]
    name = task.target_text(item)
    original = task.images_at([item])[0]
    height, width = shown.shape[1:]
    if original.shape[1:] != shown.shape[1:]:
        resized = nn.functional.interpolate(original[None].float(), (height, width), mode="area")
        original = resized[0].to(torch.uint8)
    tiles = [as_tile(original, frame=CLASS_COLORS[5]), *(Tile(signed(one)) for one in shown)]
    path = sheet_path(run.figures / f"feature_maps{suffix.replace('.', '_')}", tiles)
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS))
    rows = [
        {"map": n, "min": float(one.min()), "mean": float(one.mean()), "max": float(one.max())}
        for n, one in enumerate(shown)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    some = f"the first {len(shown)} of its {len(found)}" if len(found) > len(shown) else "its"
    caption = (
        f"Test image {item} (“{name}”, framed) and {some} feature maps after layer "
        f"{call.name}, {height} × {width} pixels each. {_IN_TWO_COLORS}."
    )
    alt = f"A test image (“{name}”) and {plural(len(shown), 'feature map')} of it."
    return Figure(path, alt, caption)
