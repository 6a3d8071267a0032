"""Classify handwritten digits with LeNet-5, as published in 1998 and as in the lectures.

python experiments/cnn_mnist.py                      LeNet-5 on MNIST, 30 epochs
python experiments/cnn_mnist.py --model mnist_cnn    the wider network of the lectures, 12 epochs
python experiments/cnn_mnist.py --dataset digits     8 x 8 digits that need no download
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import gnnvision as gv
from gnnvision import cli

RECIPE = gv.Recipe(epochs=30, lr=1e-3, batch_size=128, schedule="cosine")
RECIPES = {"lenet5": RECIPE, "lenet5_notes": RECIPE, "mnist_cnn": replace(RECIPE, epochs=12)}
SIZES = {"lenet5": 32, "lenet5_notes": 28, "mnist_cnn": 28}


@dataclass(frozen=True, kw_only=True)
class Config(cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: mnist, fashion_mnist, digits, or the path of a folder; "auto" is MNIST if it is
            available.
        model: LeNet-5 of 1998 on images of 32 x 32, the variant of the lectures on 28 x 28
            ("lenet5_notes"), or their wider network ("mnist_cnn").
    """

    model: Literal["lenet5", "lenet5_notes", "mnist_cnn"] = "lenet5"
    recipes = RECIPES


def main(config: Config) -> gv.Result:
    """Load the images, build the network, train it, and write the report."""
    size = config.image_size or SIZES[config.model]
    options = config.data_options() | {"image_size": size}
    task = cli.images(gv.data.load(config.source("mnist"), **options))
    model = gv.models.build(
        config.model,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.shape,
    )
    recipe = config.adapt(RECIPES[config.model], task)
    with cli.training_run("cnn_mnist", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
