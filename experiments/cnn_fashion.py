"""Compare a fully connected network with a convolutional one on Fashion-MNIST.

python experiments/cnn_fashion.py --seeds 5        both networks of the lectures, 3,000 steps
python experiments/cnn_fashion.py --model strided  15 epochs, with the test loss of each
python experiments/cnn_fashion.py --model better   a stronger network, ten minutes on a laptop
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training import recipes

EPOCHS = gv.Recipe(epochs=5, lr=1e-3, batch_size=100, checkpoint_selection="last")
NOTES = replace(EPOCHS, evaluate_every=500)  # of 5 · 60,000 / 100 = 3,000 steps
STRIDED = {"hidden_channels": 512, "dropout": (0.2, 0.2)}
NARROWER = {"widths": (32, 128, 256), "patterns": 9}
Name = Literal["both", "dnn", "cnn", "strided", "better"]
MODELS: dict[str, tuple[str, dict[str, Any], gv.Recipe]] = {
    "dnn": ("fashion_dnn", {}, NOTES),
    "cnn": ("fashion_cnn", {}, NOTES),
    "strided": ("strided_cnn", STRIDED, replace(EPOCHS, epochs=15, evaluate_every="epoch")),
    "better": ("whitened_cnn", NARROWER, replace(recipes.WHITENED_CNN, epochs=8)),
}


@dataclass(frozen=True, kw_only=True)
class Config(cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: fashion_mnist, digits, or the path of a folder; "auto" is Fashion-MNIST if it is
            available.
        model: "both" trains dnn and cnn, one after the other, and compares them on a page.
    """

    model: Name = "both"
    split: Literal["public", "full", "random"] = "full"
    recipes = {name: recipe for name, (_, _, recipe) in MODELS.items()}


def main(config: Config) -> gv.Result | dict[str, gv.Result]:
    """Load the images, train the network or both, and write the report of each."""
    if config.model == "both":
        each = {name.upper(): replace(config, model=name) for name in ("dnn", "cnn")}
        return cli.compare(config, main, each)
    task = cli.images(gv.data.load(config.source("fashion_mnist"), **config.data_options()))
    builder, settings, recipe = MODELS[config.model]
    if config.model == "better" and task.name != "digits":
        task = task.with_augment(gv.data.Augment(crop=2, flip="alternating"))
        task = task.with_test_views("mirror")
    model = cli.image_network(builder, task, settings)
    recipe = config.adapt(recipe, task)
    with cli.training_run("cnn_fashion", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        count = sum(parameter.numel() for parameter in result.model.parameters())
        run.show(result, f"{config.model}: {count:,} parameters")
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
