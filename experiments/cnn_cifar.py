"""Classify small images with a convolutional network.

python experiments/cnn_cifar.py                                     the strong network on CIFAR-10
python experiments/cnn_cifar.py --model vgg_like --no-augment       a network of the lectures
python experiments/cnn_cifar.py --dataset PHOTOS --on-invalid skip  your own folder or archive
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training.presets import IMAGE_PRESETS

SYMBOLS = ("digits", "mnist")  # flipped, they would mean something else


@dataclass(frozen=True, kw_only=True)
class Config(cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: cifar10, digits, or the path of a folder or an archive with one folder for each
            class; "auto" is CIFAR-10 if it is available.
        model: "strong" follows Jordan (2024); the others are networks of the lectures.
        preset: Size of the strong network: "quick", "long" (wider, deeper, more epochs), or
            "auto": long on a GPU, quick otherwise.
        augment: Shift and flip training images, and erase a square (cutout) with --preset long.
    """

    model: Literal["strong", "vgg_like", "strided_cnn", "cifar_cnn", "small_resnet"] = "strong"
    preset: Literal["auto", "quick", "long"] = "auto"
    augment: bool = True

    recipes = {name: IMAGE_PRESETS[name].recipe for name in ("quick", "long", "lectures")}
    groups = {"training": ("augment",)}


def main(config: Config) -> gv.Result:
    """Load the images, build the network, train it, and write the report."""
    task = cli.images(gv.data.load(config.source("cifar10"), **config.data_options()))
    strong = config.model == "strong"
    if not strong:
        cli.refuse_unused(config, {"preset": "auto"}, f"with --model {config.model}")
    auto = "long" if cli.usable_device(config.device).startswith("cuda") else "quick"
    size = auto if config.preset == "auto" else config.preset
    preset = IMAGE_PRESETS[size if strong else "lectures"]
    flip = task.name not in SYMBOLS
    if config.augment:
        task = task.with_augment(preset.augment(min(task.grid.shape), flip))
    if strong:
        task = task.with_test_views("mirror+shift" if flip else "none")
    model = gv.models.build(
        "whitened_cnn" if strong else config.model,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.shape,
        **preset.settings,
    )
    recipe = config.adapt(preset.recipe, task)
    with cli.training_run("cnn_cifar", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
