"""Squeeze pictures through a few numbers and draw them again: a convolutional autoencoder.

python experiments/autoencoder.py                                photographs of cats and dogs
python experiments/autoencoder.py --dataset fashion_mnist --latent 32
python experiments/autoencoder.py --dataset PHOTOS --height 100 --width 75
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gnnvision as gv
from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config(cli.PictureOptions):
    """The flags of this script.

    Args:
        dataset: auto, cats_dogs, fashion_mnist, cifar10, digits, a folder or an archive; auto is
            cats_dogs where it can be had.
        height: of the pictures, in pixels; the lectures have 100 x 75.
        width: of the pictures, in pixels.
        latent: how many numbers are left of a picture in the middle.
    """

    height: int = 100
    width: int = 75
    latent: int = 10


def main(config: Config) -> gv.Result:
    """Load, build, train; what is left is in the run folder."""
    if config.image_size is not None:
        cli.refuse_unused(config, {"height": 100, "width": 75}, "with --image-size")
    size = (config.height, config.width) if config.image_size is None else config.image_size
    loaded = cli.load(config, "cats_dogs", image_size=size)
    pictures = cli.pictures(loaded)
    task = pictures.reconstruction()
    model = gv.models.autoencoder(
        task.in_channels, pictures.grid.size, latent_channels=config.latent
    )
    recipe = gv.Recipe(epochs=100, lr=2e-3, batch_size=32, schedule="cosine")
    return cli.fit("autoencoder", config, model, loaded.with_task(task), recipe)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
