"""Small tasks of pictures and of molecules, made on the spot."""

from __future__ import annotations

from dataclasses import replace

import torch

import gnnvision as gv
from gnnvision.data import ImageTask, Split


def pictures(count=60, side=16, classes=2, seed=0):
    """Noise with a bright stripe, upright or lying, anywhere: a task of pictures."""
    drawn = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % classes
    images = torch.randint(0, 120, (count, 3, side, side), generator=drawn).to(torch.uint8)
    for picture, label in zip(images, y.tolist(), strict=True):
        place = int(torch.randint(side - 2, (1,), generator=drawn))
        across = picture if label % 2 else picture.transpose(1, 2)
        across[label // 2, place : place + 2] = 250
    third = count // 3
    order = torch.randperm(count, generator=drawn).tolist()
    split = Split("mine", order[: count - 2 * third], order[third * -2 : -third], order[-third:])
    return ImageTask(
        name="stripes",
        requested="stripes",
        kind="classification",
        in_channels=3,
        num_outputs=classes,
        class_names=tuple(f"class {number}" for number in range(classes)),
        split=split,
        card=replace(gv.data.describe("digits"), name="stripes", title="Stripes"),
        data_hash="0" * 64,
        images=images,
        y=y,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


def small_network(classes=5):
    """A convolutional network that is quick, with norms, newly drawn."""
    return gv.models.whitened_cnn(
        num_classes=classes, image_size=16, widths=(8, 8, 16), depths=(1, 1, 1), patterns=4
    )
