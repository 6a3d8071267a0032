"""Tell cats from dogs with a network that learnt from other pictures.

python experiments/transfer_cats_dogs.py             strategy by size and similarity
python experiments/transfer_cats_dogs.py --compare   strategy by validation folds
python experiments/transfer_cats_dogs.py --strategy last --seeds 1
python experiments/transfer_cats_dogs.py --backbone resnet18 --weights resnet18.pth
python experiments/transfer_cats_dogs.py --data PHOTOS               your own folder, one per class

On cats and dogs (385 train, 98 test), MobileNetV2's ImageNet weights, five seeds, one core:
head 96.5 ± 0.6 % (98.7 % on five validation folds), last 98.2 ± 0.5 % (99.0 % on the folds). With
the network of cnn_cifar.py instead, on pictures of 64 x 64: 67.3 ± 2.0 % over three seeds.

Weights are those of --weights, else of the data root, else of torchvision; where there are none,
a network is trained on CIFAR-10 first, which is said and gives a lower figure.
"""

from __future__ import annotations

import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import gnnvision as gv
from gnnvision import cli, transfer
from gnnvision.training import new_folder

WEIGHTS = Path("weights", "mobilenet_v2_imagenet.safetensors")  # below the data root
STRATEGIES: tuple[transfer.Strategy, ...] = ("head", "last", "part", "whole")  # cheapest first
CIFAR = gv.Recipe(
    epochs=8,
    lr=0.15,
    optimizer="muon",
    momentum=0.6,
    lr_bias=50.0,
    lr_head=2.0,
    schedule="one_cycle",
    batch_size=500,
    label_smoothing=0.2,
    coarse=0.25,
    select="last",
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        backbone: a network of torchvision; of timm, "timm:NAME", where that is installed.
        weights: a file of weights, or a run folder of cnn_cifar.py, whose network it is then.
        strategy: which part is trained: the head; the last quarter of the blocks too; the later
            half; the whole network; auto decides by the size and the similarity of the data.
        compare: choose the strategy by its accuracy on validation folds instead.
        seeds: how many.
        data: a folder of pictures instead of cats_dogs, with one folder for each class.
        image_size: side of the pictures, in pixels; else what belongs to the weights.
        epochs: of what is trained after the head, instead of the recipe's.
        data_root: folder of data sets; else $GNNVISION_DATA, else the default one.
        out: folder of all runs.
    """

    backbone: str = "mobilenet_v2"
    weights: Path | None = None
    strategy: Literal["auto", "whole", "last", "part", "head"] = "auto"
    compare: bool = False
    seeds: int = 5
    data: Path | None = None
    image_size: int | None = None
    epochs: int | None = None
    data_root: Path | None = None
    out: Path = Path("runs")


def main(config: Config) -> gv.Result:
    """Load, choose, train; what is left is in the run folder."""
    flags = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    command = shlex.join(["python", *sys.argv])
    folder = new_folder(config.out, "transfer_cats_dogs", {"command": command, "flags": flags})
    backbone = backbone_for(config, folder)
    print(f"backbone: {backbone.name}, {len(backbone.blocks)} blocks before the head")
    started = time.perf_counter()
    task = photographs(config, backbone)
    seconds = time.perf_counter() - started
    plan = transfer.Plan()
    if config.epochs is not None:
        plan = replace(plan, fine=replace(plan.fine, epochs=config.epochs))
    strategy, facts = config.strategy, {}
    if config.compare:
        strategy, facts["Strategy"] = compared(backbone, task, plan)
    result = transfer.fine_tune(
        backbone,
        task,
        plan,
        config.seeds,
        strategy=strategy,
        folder=folder,
        told=print,
        data_seconds=seconds,
    )
    result.facts |= facts | {"Interval": interval(result)}
    print(result.summary(), *result.facts.values(), sep="\n")
    print(f"report: {result.report()}")
    return result


def photographs(config: Config, backbone: transfer.Backbone) -> gv.data.ImageTask:
    """The pictures as the weights want them; all that is not the test part trains."""
    wanted = backbone.preprocessing
    if not isinstance(wanted, transfer.PicturePreprocessing):
        raise ValueError(
            f"'--weights' must be of a network for pictures, got {backbone.name}. Choose others."
        )
    task = gv.data.load(
        config.data or "cats_dogs",
        root=config.data_root,
        image_size=config.image_size or wanted.resize,
        channels=3 if wanted.channels == 3 else 1,
        split="full",
    )
    assert isinstance(task, gv.data.ImageTask)
    return task.with_augment(gv.data.Augment(resized_crop=(0.5, 1.0), flip="random"))


def backbone_for(config: Config, folder: Path) -> transfer.Backbone:
    """The network and weights of the flags, or what can be had."""
    if config.weights is not None:
        if config.weights.is_dir():
            return transfer.load_backbone(config.weights)
        return transfer.load_backbone(config.backbone, config.weights)
    file = gv.data.data_root(config.data_root) / WEIGHTS
    if config.backbone == "mobilenet_v2" and file.is_file():
        return transfer.load_backbone("mobilenet_v2", file)
    try:
        return transfer.load_backbone(config.backbone)
    except transfer.NoWeights as error:
        if config.backbone != Config.backbone:
            raise
        print(f"{error}\nSo a small network is trained on CIFAR-10 first.", file=sys.stderr)
    pictures = gv.data.load("cifar10", root=config.data_root, split="full")
    assert isinstance(pictures, gv.data.ImageTask)
    pictures = pictures.with_augment(gv.data.Augment(crop=2, flip="alternating"))
    place = folder / "pretrained"
    gv.fit(gv.models.whitened_cnn(), pictures, CIFAR, folder=place)
    return transfer.load_backbone(place)


def compared(
    backbone: transfer.Backbone, task: gv.data.ImageTask, plan: transfer.Plan
) -> tuple[transfer.Strategy, str]:
    """The strategy with the best mean on five folds, the cheaper of equals, and the figures."""
    plans = {str(name): replace(plan, strategy=name) for name in STRATEGIES}
    scores = transfer.cross_validate(backbone, task, plans, 5, told=print)
    means = {name: statistics.fmean(scores[name]) for name in STRATEGIES}
    best = max(STRATEGIES, key=lambda name: means[name])  # the first of equals
    figures = ", ".join(f"{name} {100 * mean:.1f} %" for name, mean in means.items())
    return (
        best,
        f"“{best}”: the best on five validation folds of the training part: {figures}.",
    )


def interval(result: gv.Result) -> str:
    """How many test pictures the kept model has right, and what that says."""
    from scipy.stats import binomtest

    best = result.best
    right, count = int((best.prediction == best.target).sum()), len(best.target)
    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return (
        f"The kept model, of seed {best.seed}, has {right} of {count} test pictures right: "
        f"{100 * right / count:.1f} %, "
        f"95 % interval {100 * low:.1f} to {100 * high:.1f} % (Wilson)."
    )


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
