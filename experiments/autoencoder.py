"""Compress images to a latent vector and reconstruct them with a convolutional autoencoder.

python experiments/autoencoder.py                                         cats and dogs
python experiments/autoencoder.py --dataset fashion_mnist --latent 32
python experiments/autoencoder.py --dataset PHOTOS --height 100 --width 75
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import gnnvision as gv
from gnnvision import cli

RECIPE = gv.Recipe(epochs=100, lr=2e-3, batch_size=32, schedule="cosine")


@dataclass(frozen=True, kw_only=True)
class Config(cli.ImageOptions):
    """The flags of this script.

    Args:
        dataset: cats_dogs, fashion_mnist, cifar10, digits, or the path of a folder or an archive;
            "auto" is cats_dogs if it is available.
        height: Height in pixels to which images are resized; the lectures use 100 x 75.
        width: Width in pixels to which images are resized.
        latent: Size of the latent vector.
    """

    height: int = 100
    width: int = 75
    latent: int = 10

    recipes = {"autoencoder": RECIPE}
    groups = {"data": ("height", "width")}


def main(config: Config) -> gv.Result:
    """Load the images, build the network, train it, and write the report."""
    if config.image_size is not None:
        cli.refuse_unused(config, {"height": 100, "width": 75}, "with --image-size")
    size = (config.height, config.width) if config.image_size is None else config.image_size
    options = config.data_options() | {"image_size": size}
    images = cli.images(gv.data.load(config.source("cats_dogs"), **options))
    task = images.reconstruction()
    model = gv.models.autoencoder(
        task.in_channels, images.grid.shape, latent_channels=config.latent
    )
    recipe = config.adapt(RECIPE, task)
    with cli.training_run("autoencoder", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
