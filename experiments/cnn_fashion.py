"""Compare a fully connected network with a convolutional one on Fashion-MNIST.

python experiments/cnn_fashion.py --seeds 5        both networks of the lectures, 3,000 steps
python experiments/cnn_fashion.py --model strided
python experiments/cnn_fashion.py --model better   a stronger network, ten minutes on a laptop
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training import recipes

NOTES = gv.Recipe(
    epochs=5, lr=1e-3, batch_size=100, checkpoint_selection="last"
)  # 5 · 60,000 / 100 = 3,000
Name = Literal["both", "dnn", "cnn", "strided", "better"]
MODELS: dict[str, tuple[str, dict[str, Any], gv.Recipe]] = {
    "dnn": ("fashion_dnn", {}, NOTES),
    "cnn": ("fashion_cnn", {}, NOTES),
    "strided": (
        "strided_cnn",
        {"hidden_channels": 512, "dropout": (0.2, 0.2)},
        replace(NOTES, epochs=15),
    ),
    "better": (
        "whitened_cnn",
        {"widths": (32, 128, 256), "patterns": 9},
        replace(recipes.WHITENED_CNN, epochs=8),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Config(cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: fashion_mnist, digits, or the path of a folder; "auto" is Fashion-MNIST if it is
            available.
        model: "both" trains dnn and cnn, one after the other.
    """

    model: Name = "both"
    split: Literal["public", "full", "random"] = "full"
    recipes = {name: recipe for name, (_, _, recipe) in MODELS.items()}


def main(config: Config) -> None:
    """Load the images, train each network, and compare their test accuracies."""
    loaded = cli.load(config, "fashion_mnist")
    names: tuple[Name, ...] = ("dnn", "cnn") if config.model == "both" else (config.model,)
    results = {name: train(name, config, loaded) for name in names}
    for name, result in results.items():
        accuracy = gv.training.measures.format_stats(
            "accuracy", result.metrics()["test"]["accuracy"], len(result.outcomes)
        )
        count = sum(p.numel() for p in result.model.parameters())
        print(f"{name:10}{count:>12,} parameters   test accuracy {accuracy}")


def train(name: Name, config: Config, loaded: cli.Loaded) -> gv.Result:
    """Build one network, train it, and write its report to a run folder."""
    builder, settings, recipe = MODELS[name]
    task = cli.images(loaded)
    if name == "better" and task.name != "digits":
        task = task.with_augment(gv.data.Augment(crop=2, flip="alternating"))
        task = task.with_test_views("mirror")
    model = gv.models.build(
        builder,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.shape,
        **settings,
    )
    own = replace(config, model=name)
    return cli.fit("cnn_fashion", own, model, loaded.with_task(task), recipe)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
