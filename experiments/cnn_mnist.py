"""Read handwritten digits with LeNet-5, as in 1998 and as in the lectures.

python experiments/cnn_mnist.py                        LeNet-5 on MNIST, 30 epochs
python experiments/cnn_mnist.py --model mnist_cnn      the wider network of the lectures, 12 epochs
python experiments/cnn_mnist.py --dataset digits       8 x 8 digits that need no download
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import gnnvision as gv
from gnnvision import cli

EPOCHS = {"lenet5": 30, "lenet5_notes": 30, "mnist_cnn": 12}
SIZES = {"lenet5": 32, "lenet5_notes": 28, "mnist_cnn": 28}


@dataclass(frozen=True, kw_only=True)
class Config(cli.PictureOptions):
    """The flags of this script.

    Args:
        dataset: auto, mnist, fashion_mnist, digits or a folder; auto is MNIST where it can be
            had.
        model: LeNet-5 of 1998 on pictures of 32 x 32, the one of the lectures' program on 28 x 28,
            or the wider network.
    """

    model: Literal["lenet5", "lenet5_notes", "mnist_cnn"] = "lenet5"


def main(config: Config) -> gv.Result:
    """Load, build, train; what is left is in the run folder."""
    size = config.image_size or SIZES[config.model]
    loaded = cli.load(config, "mnist", image_size=size)
    task = cli.pictures(loaded)
    model = gv.models.build(
        config.model,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.size,
    )
    recipe = gv.Recipe(epochs=EPOCHS[config.model], lr=1e-3, batch_size=128, schedule="cosine")
    return cli.fit("cnn_mnist", config, model, loaded, recipe)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
