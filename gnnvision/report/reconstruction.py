"""Reconstructions of an autoencoder, and the codes that they are decoded from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnnvision.data import ImageTask
from gnnvision.explain import hooked, trace
from gnnvision.layers.hooks import evaluating
from gnnvision.report.images import compute_outputs, model_input, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, sheet_path
from gnnvision.report.style import (
    NARROW,
    class_color,
    class_marker,
    drawing,
    legend_below,
    wrapped,
)
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["code_layer", "reconstruction"]

_SHOWN, _COLUMNS = 12, 6
_MOST_CODES = 2000
_MOST_NAMED = 24


def reconstruction(run: Run) -> Section | None:
    """The section of reconstructions; None without test images."""
    source, model = run.images, run.result.model
    if not len(source.split.test):
        return None
    items = torch.from_numpy(subsample(np.array(source.split.test), _SHOWN))
    items = items[: len(items) // _COLUMNS * _COLUMNS] if len(items) > _COLUMNS else items
    figures = [_sheet(run, source, items)]
    lead = (
        f"A random sample of {len(items)} test images, each above its reconstruction and the root "
        "mean squared error (RMSE) of its pixels, which range from 0 to 1."
    )
    layer = code_layer(model, source)
    if layer is not None:
        name, module, size = layer
        lead += f" The code between them has {plural(size, 'value')}: the output of layer {name}."
        codes = _codes(run, source, name, module)
        figures += [] if codes is None else [codes]
    note = "The model is that of the best seed." if len(run.result.outcomes) > 1 else ""
    return Section("Reconstructions", lead, figures, note=note)


def code_layer(model: nn.Module, task: ImageTask) -> tuple[str, nn.Module, int] | None:
    """The layer with the smallest output per image: its name, the layer and that size.

    None if no output is a vector, or none is smaller than an image.
    """
    items = torch.from_numpy(np.array(task.split.test[:1]))
    x = model_input(task, items, model)
    _, calls = trace(model, x, task.grid)
    vectors = [call for call in calls if call.output.ndim == 2]
    if not vectors:
        return None
    least = min(vectors, key=lambda call: call.output.shape[1])
    size = least.output.shape[1]
    return (least.name, least.module, size) if size < x[0].numel() else None


def _sheet(run: Run, task: ImageTask, items: Tensor) -> Figure:
    originals = task.images_at(items)
    outputs = compute_outputs(task, run.result.model, items)
    errors = (outputs - originals.float() / 255).square().mean((1, 2, 3)).sqrt()
    reconstructions = (255 * outputs.clamp(0, 1)).round().to(torch.uint8)
    tiles = []
    for start in range(0, len(items), _COLUMNS):
        here = range(start, min(start + _COLUMNS, len(items)))
        tiles += [as_tile(originals[n], [task.class_names[int(task.y[items[n]])]]) for n in here]
        tiles += [as_tile(reconstructions[n], [f"RMSE {errors[n]:.3f}"]) for n in here]
    path = sheet_path(run.figures / "reconstructions", tiles)
    draw_sheet(path, tiles, min(_COLUMNS, len(items)))
    rows = [
        {"item": int(item), "rmse": float(error)}
        for item, error in zip(items, errors, strict=True)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = (
        f"{len(items)} test images and their reconstructions; the RMSE of their pixels is "
        f"{errors.min():.3f} to {errors.max():.3f}."
    )
    return Figure(path, alt, "Odd rows: test images. Even rows: their reconstructions.")


def _codes(run: Run, task: ImageTask, name: str, module: nn.Module) -> Figure | None:
    items = torch.from_numpy(subsample(np.array(task.split.test), _MOST_CODES))
    held: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> None:
        held.append(made.float().cpu())

    with evaluating(run.result.model), hooked([module], keep):
        compute_outputs(task, run.result.model, items)
    codes = torch.cat(held).double().numpy()  # whose squares float32 may not hold
    if min(codes.shape) < 2 or not np.isfinite(codes).all() or codes.std(0).max() < 1e-12:
        return None
    from sklearn.decomposition import PCA

    pca = PCA(2, random_state=0)
    places = pca.fit_transform(codes)
    target = task.y.cpu()[items].numpy()
    path = run.figures / "codes.svg"
    shares = pca.explained_variance_ratio_
    _draw_codes(path, places, target, task.class_names, shares)
    rows = [
        {"item": item, "x": float(x), "y": float(y), "class": task.class_names[label]}
        for item, (x, y), label in zip(items.tolist(), places, target.tolist(), strict=True)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = f"Scatter plot of the codes of {len(items):,} test images, colored by class."
    caption = (
        f"The codes of {len(items):,} test images (output of layer {name}) by their first two "
        "principal components (PCA). The network does not use the classes."
    )
    return Figure(path, alt, caption)


def _draw_codes(
    path: Any,  # noqa: ANN401
    places: NDArray[np.float64],
    target: NDArray[np.int64],
    names: tuple[str, ...],
    shares: NDArray[np.float64],
) -> None:
    with drawing(path, 4.6, NARROW) as figure:
        axes = figure.add_subplot()
        for number in sorted(set(target.tolist())):
            here = target == number
            look: dict[str, Any] = {"c": class_color(number), "marker": class_marker(number)}
            label = wrapped(names[number], 34)
            across, up = places[here].T
            axes.scatter(across, up, s=12, lw=0, alpha=0.8, label=label, **look)
        axes.set(
            xlabel=f"PC 1 ({100 * shares[0]:.0f} % of the variance)",
            ylabel=f"PC 2 ({100 * shares[1]:.0f} %)",
            title="Codes of the test images",
        )
        handles = axes.get_legend_handles_labels()[0]
        if len(handles) <= _MOST_NAMED:
            legend_below(figure, handles, 3, markerscale=2)
