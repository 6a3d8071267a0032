"""Classify small images with a convolutional network.

python experiments/cnn_cifar.py                                     the strong network on CIFAR-10
python experiments/cnn_cifar.py --model vgg_like --no-augment       a network of the lectures
python experiments/cnn_cifar.py --model vgg_like --compare head     with global average pooling
python experiments/cnn_cifar.py --model vgg_like --rotation 15 --hue 0.2 --compare augment
python experiments/cnn_cifar.py --model xai_net --dataset cats_dogs --image-size 64
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
class Config(cli.AugmentOptions, cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: cifar10, digits, or the path of a folder or an archive with one folder for each
            class; "auto" is CIFAR-10 if it is available.
        model: "strong" follows Jordan (2024); the others are networks of the lectures.
        preset: Size of the strong network: "quick", "long" (wider, deeper, more epochs), or
            "auto": long on a GPU, quick otherwise.
        head: Dense layers, or global average pooling in their place: vgg_like and cifar_cnn.
        batch_norm: Batch norm after each activation: vgg_like has it, and cifar_cnn can have it.
        augment: Shift and flip training images, and erase a square (cutout) with --preset long;
            the flags of the augmentation change these settings.
    """

    model: Literal[
        "strong", "vgg_like", "strided_cnn", "cifar_cnn", "small_resnet", "xai_net"
    ] = "strong"  # fmt: skip
    preset: Literal["auto", "quick", "long"] = "auto"
    head: Literal["dense", "average"] | None = None
    batch_norm: bool | None = None
    augment: bool = True

    recipes = {name: IMAGE_PRESETS[name].recipe for name in ("quick", "long", "lectures")}
    groups = {"augmentation": ("augment",)}


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
    task = config.augmented(task, preset.augment(min(task.grid.shape), flip))
    if strong:
        task = task.with_test_views("mirror+shift" if flip else "none")
    name = "whitened_cnn" if strong else config.model
    flags = {"head": config.head, "batch_norm": config.batch_norm}
    model = cli.image_network(name, task, preset.settings, **flags)
    recipe = config.adapt(preset.recipe, task)
    with cli.training_run("cnn_cifar", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
