"""Classify small images with a convolutional network.

python experiments/cnn_cifar.py                                     the strong network on CIFAR-10
python experiments/cnn_cifar.py --preset long --seeds 3             wider, and more epochs
python experiments/cnn_cifar.py --model vgg_like --no-augment       a network of the lectures
python experiments/cnn_cifar.py --dataset PHOTOS --on-invalid skip  your own folder or archive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training import recipes


@dataclass(frozen=True)
class Preset:
    """How a network is built and trained."""

    recipe: gv.Recipe = recipes.WHITENED_CNN
    settings: dict[str, Any] = field(default_factory=dict)
    shift: float = 1 / 16  # at most, as a fraction of the side length
    cutout: float = 0.0  # side of the erased square, as a fraction of the side length

    def augment(self, side: int, flip: bool) -> gv.data.Augment:
        """The augmentation of training images with this side length in pixels."""
        return gv.data.Augment(
            crop=max(1, int(side * self.shift)),
            flip="alternating" if flip else None,
            cutout=int(side * self.cutout),
        )


PRESETS = {
    "quick": Preset(),
    "long": Preset(
        replace(recipes.WHITENED_CNN, epochs=16, progressive_resizing=0.5),
        {"widths": (64, 256, 512), "depths": (2, 3, 3)},
        shift=1 / 8,
        cutout=1 / 4,
    ),
}
LECTURES = gv.Recipe(
    epochs=15, lr=2e-3, optimizer="adamw", weight_decay=0.02, schedule="one_cycle", warmup=0.2
)
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

    recipes = {name: preset.recipe for name, preset in PRESETS.items()} | {"the others": LECTURES}
    groups = {"training": ("augment",)}


def main(config: Config) -> gv.Result:
    """Load the images, build the network, train it, and write the report."""
    loaded = cli.load(config, "cifar10")
    task = cli.images(loaded)
    strong = config.model == "strong"
    if not strong:
        cli.refuse_unused(config, {"preset": "auto"}, f"with --model {config.model}")
    chosen = PRESETS[preset(config)] if strong else Preset(LECTURES)
    flip = task.name not in SYMBOLS
    if config.augment:
        task = task.with_augment(chosen.augment(min(task.grid.shape), flip))
    if strong:
        task = task.with_test_views("mirror+shift" if flip else "none")
    model = gv.models.build(
        "whitened_cnn" if strong else config.model,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.shape,
        **chosen.settings,
    )
    return cli.fit("cnn_cifar", config, model, loaded.with_task(task), chosen.recipe)


def preset(config: Config) -> str:
    """The preset of the flags; "auto" depends on the device."""
    if config.preset != "auto":
        return config.preset
    on_gpu = cli.usable_device(config.device).startswith("cuda")
    return "long" if on_gpu else "quick"


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
