"""Images of a task, and the outputs and last hidden activations of a model for them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gnnvision.data import ImageTask, ReconstructionTask, Task
from gnnvision.explain import hooked, last_weighted, trace
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating

__all__ = [
    "Activations",
    "activations",
    "compute_outputs",
    "image_task",
    "model_input",
    "pixel_vectors",
    "subsample",
    "test_views",
]

_PIXELS_AT_ONCE = 2**20
_LARGEST_SIDE = 32
_VIEWS = {
    "mirror": "the image and its mirror image",
    "mirror+shift": "the image and its mirror image, also moved by a pixel",
}


@dataclass(frozen=True)
class Activations:
    """The input of the last layer and the output of a model for n images.

    Args:
        hidden: the input of the last layer with weights. Shape (n, C).
        layer: the name of that layer.
        output: the output of the model. Shape (n, num_outputs).
    """

    hidden: Tensor
    layer: str
    output: Tensor


def test_views(task: Task) -> str:
    """The views of an image that test-time augmentation averages over; empty for one view."""
    return _VIEWS.get(task.test_views, "") if isinstance(task, ImageTask) else ""


def image_task(task: Task) -> ImageTask | None:
    """The task with the images; None if the items are not images."""
    if isinstance(task, ReconstructionTask):
        return task.source
    return task if isinstance(task, ImageTask) else None


def subsample(items: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """A random sample of the items in their order, the same every time; all if they are fewer."""
    if len(items) <= count:
        return np.array(items)
    chosen = np.random.default_rng(0).choice(len(items), count, replace=False)
    return np.array(items)[np.sort(chosen)]


def model_input(task: ImageTask, items: Tensor, model: nn.Module) -> Tensor:
    """The normalized images of these indices, on the device of the model."""
    there = next((p.device for p in model.parameters()), torch.device("cpu"))
    return task.normalize(task.images_at(items).to(task.y.device)).to(there)


def compute_outputs(task: ImageTask, model: nn.Module, items: Tensor) -> Tensor:
    """The outputs of a model in evaluation mode, on the CPU."""
    at_once = max(1, min(256, _PIXELS_AT_ONCE // (task.in_channels * prod(task.grid.shape))))
    with evaluating(model), torch.no_grad():
        outputs = [
            call(model, model_input(task, part, model), task.grid).float().cpu()
            for part in items.split(at_once)
        ]
    return torch.cat(outputs)


def activations(task: ImageTask, model: nn.Module, items: Tensor) -> Activations | None:
    """The input of the last layer with weights, and the output of the model.

    Args:
        task: of the images.
        model: with its kept weights.
        items: indices of images, at least one. Shape (n,).

    Returns:
        None if the input of that layer is not one vector for each image.
    """
    # One image is enough to find the layer, and the signals of all layers are kept for it.
    _, calls = trace(model, model_input(task, items[:1], model), task.grid)
    head = last_weighted(calls)
    if head is None or head.signal.shape[0] != 1 or head.layer.times > 1:
        return None
    hidden: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Any, ...], made: object) -> None:
        hidden.append(given[0].flatten(1).float().cpu())

    with hooked([head.module], keep):
        output = compute_outputs(task, model, items)
    if len(output) != len(items) or output.ndim != 2:
        return None
    return Activations(torch.cat(hidden), head.name, output)


def pixel_vectors(task: ImageTask, items: Tensor) -> tuple[Tensor, str]:
    """The pixels of images as vectors, of large images resized, and a description of them."""
    height, width = task.grid.shape
    shrink = max(height, width) / _LARGEST_SIDE
    size = (height, width)
    if shrink > 1:
        size = (max(1, round(height / shrink)), max(1, round(width / shrink)))
    rows = []
    for part in items.split(256):
        images = task.images_at(part).float() / 255
        if size != (height, width):
            images = F.interpolate(images, size, mode="area")
        rows.append(images.flatten(1))
    values = torch.cat(rows)
    small = "" if size == (height, width) else f" at {size[0]} × {size[1]} pixels"
    return values, f"{values.shape[1]:,} pixel values{small}"
