"""Classify small photographs with a convolutional network.

python experiments/cnn_cifar.py                                     the strong network on CIFAR-10
python experiments/cnn_cifar.py --preset long --seeds 3             longer and wider
python experiments/cnn_cifar.py --model vgg_like --no-augment       a network of the lectures
python experiments/cnn_cifar.py --dataset PHOTOS --on-invalid skip  your own folder or archive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training import recipes

PRESETS: dict[str, tuple[dict[str, Any], gv.Recipe]] = {
    "quick": ({}, recipes.WHITENED_CNN),
    "long": (
        {"widths": (64, 256, 512), "depths": (2, 3, 3)},
        replace(recipes.WHITENED_CNN, epochs=18),
    ),
}
LECTURES = gv.Recipe(
    epochs=15, lr=2e-3, optimizer="adamw", weight_decay=0.02, schedule="one_cycle", warmup=0.2
)
SYMBOLS = ("digits", "mnist")  # mirrored, they are others


@dataclass(frozen=True, kw_only=True)
class Config(cli.PictureOptions):
    """The flags of this script.

    Args:
        dataset: auto, cifar10, digits, or the path of a folder or an archive with one folder for
            each class; auto is CIFAR-10 where it can be had.
        model: the strong network of today, or one of the lectures'.
        preset: of the strong network: "quick", "long" (wider, deeper and more epochs), or "auto":
            long on a GPU, quick otherwise.
        augment: whether training pictures are moved and mirrored.
    """

    model: Literal["strong", "vgg_like", "strided_cnn", "cifar_cnn", "small_resnet"] = "strong"
    preset: Literal["auto", "quick", "long"] = "auto"
    augment: bool = True


def main(config: Config) -> gv.Result:
    """Load, build, train; what is left is in the run folder."""
    loaded = cli.load(config, "cifar10")
    task = cli.pictures(loaded)
    mirrored = task.name not in SYMBOLS
    if config.augment:
        flip: Literal["alternating"] | None = "alternating" if mirrored else None
        pixels = max(1, min(task.grid.size) // 16)  # 2 of 32
        task = task.with_augment(gv.data.Augment(crop=pixels, flip=flip))
    name: str = config.model
    settings: dict[str, Any] = {}
    recipe = LECTURES
    if name == "strong":
        settings, recipe = PRESETS[preset(config)]
        name = "whitened_cnn"
        task = task.with_test_views("mirror+shift" if mirrored else "none")
    model = gv.models.build(
        name,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.size,
        **settings,
    )
    return cli.fit("cnn_cifar", config, model, loaded.with_task(task), recipe)


def preset(config: Config) -> str:
    """The preset that the flags name, or that suits the device."""
    if config.preset != "auto":
        return config.preset
    on_gpu = cli.usable_device(config.device).startswith("cuda")
    return "long" if on_gpu else "quick"


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
