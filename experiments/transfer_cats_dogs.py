"""Tell cats from dogs with a network that learned from other pictures.

python experiments/transfer_cats_dogs.py             strategy by size and similarity
python experiments/transfer_cats_dogs.py --compare   strategy by validation folds
python experiments/transfer_cats_dogs.py --strategy last --seeds 1
python experiments/transfer_cats_dogs.py --backbone resnet18 --weights resnet18.pth
python experiments/transfer_cats_dogs.py --data PHOTOS               your own folder, one per class

On cats and dogs (385 train, 98 test), MobileNetV2's ImageNet weights, five validation folds say:
head 98.7 %, last 99.0, part 98.4, whole 98.2. On the test part, five seeds: head 96.5 ± 0.6 %,
last 98.2 ± 0.5. With the network of cnn_cifar.py instead, on pictures of 64 x 64: 67.3 ± 2.0 %
over three seeds.

Weights are those of --weights, else of the data root, else of torchvision; where there are none,
a network is trained on CIFAR-10 first, which is said and gives a lower figure.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import gnnvision as gv
from gnnvision import cli, transfer
from gnnvision.training import recipes
from gnnvision.training.record import BEST, LAST

WEIGHTS = Path("weights", "mobilenet_v2_imagenet.safetensors")  # below the data root


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
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        data_root: folder of data sets; else $GNNVISION_DATA, else the default one.
        on_invalid: files that cannot be read: end with an error, skip them, or skip and list them
            in quarantine.csv.
        out: folder of all runs.
        resume: folder of a stopped run, to go on with; its flags are taken over.
    """

    backbone: str = "mobilenet_v2"
    weights: Path | None = None
    strategy: Literal["auto", "whole", "last", "part", "head"] = "auto"
    compare: bool = False
    seeds: int = 5
    data: Path | None = None
    image_size: int | None = None
    epochs: int | None = None
    device: str = "auto"
    data_root: Path | None = None
    on_invalid: Literal["raise", "skip", "quarantine"] = "raise"
    out: Path = Path("runs")
    resume: Path | None = None


def main(config: Config) -> gv.Result:
    """Load, choose, train; what is left is in the run folder."""
    flags = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    command = shlex.join(["python", *sys.argv])
    device = cli.usable_device(config.device)
    if config.compare:
        cli.refuse_unused(config, {"strategy": "auto"}, "with --compare")
    if config.strategy == "head":
        cli.refuse_unused(config, {"epochs": None}, "with --strategy head")
    if config.weights is not None and config.weights.is_dir():
        cli.refuse_unused(config, {"backbone": "mobilenet_v2"}, "with the weights of a run")
    settings = {"experiment": "transfer_cats_dogs", "command": command, "flags": flags}
    if config.strategy == "head" and config.epochs is not None and not config.compare:
        raise ValueError(
            f"'--epochs' must be left out with --strategy head, got {config.epochs}. They are of "
            "the blocks that another strategy trains after the head."
        )
    name = "transfer_cats_dogs"
    with (
        cli.run_folder(config.out, name, settings, config.resume) as folder,
        cli.resumable(folder),
    ):
        return work(config, folder, device)


def work(config: Config, folder: Path, device: str) -> gv.Result:
    """Load, choose and train in a run folder."""
    backbone = backbone_for(config, folder, device)
    print(f"backbone: {backbone.name}, {len(backbone.blocks)} blocks before the head")
    started = time.perf_counter()
    task = photographs(config, backbone)
    seconds = time.perf_counter() - started
    cli.print_overview(task)
    plan = transfer.Plan()
    if config.epochs is not None:
        plan = replace(plan, fine=replace(plan.fine, epochs=config.epochs))
    strategy, facts = config.strategy, {}
    if config.compare:
        choice = transfer.best_strategy(
            backbone, task, plan, device=device, on_progress=print, folder=folder
        )
        strategy, facts["Strategy"] = choice.strategy, f"“{choice.strategy}”: {choice.reason}"
    result = transfer.fine_tune(
        backbone,
        task,
        plan,
        config.seeds,
        strategy=strategy,
        folder=folder,
        device=device,
        on_progress=print,
        data_seconds=seconds,
        resume=config.resume is not None,
    )
    if config.epochs is not None and len(result.best.stages) == 1:
        note = f"--epochs {config.epochs} changed nothing: this strategy trains the head alone."
        result.notes.append(note)
        print(note, file=sys.stderr)
    result.facts |= facts | {"Interval": result.interval()}
    print(result.summary(), *result.facts.values(), sep="\n")
    print(f"report: {result.report()}")
    return result


def photographs(config: Config, backbone: transfer.Backbone) -> gv.data.ImageTask:
    """The pictures as the weights want them; all that is not the test part trains."""
    wanted = backbone.preprocessing
    if not isinstance(wanted, transfer.ImagePreprocessing):
        raise ValueError(
            f"'--weights' must be of a network for pictures, got {backbone.name}. Choose others."
        )
    task = gv.data.load(
        config.data or "cats_dogs",
        root=config.data_root,
        image_size=config.image_size or wanted.resize,
        channels=3 if wanted.channels == 3 else 1,
        split="full",
        on_invalid=config.on_invalid,
    )
    assert isinstance(task, gv.data.ImageTask)
    return task.with_augment(gv.data.Augment(resized_crop=(0.5, 1.0), flip="random"))


def backbone_for(config: Config, folder: Path, device: str) -> transfer.Backbone:
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
    except transfer.WeightsNotFound as error:
        if config.backbone != Config.backbone:
            raise
        print(f"{error}\nSo a small network is trained on CIFAR-10 first.", file=sys.stderr)
    place = folder / "pretrained"
    if (place / BEST).is_file():
        return transfer.load_backbone(place)
    pictures = gv.data.load("cifar10", root=config.data_root, split="full")
    assert isinstance(pictures, gv.data.ImageTask)
    pictures = pictures.with_augment(gv.data.Augment(crop=2, flip="alternating"))
    model, recipe, resume = (
        gv.models.whitened_cnn(),
        recipes.WHITENED_CNN,
        (place / LAST).is_file(),
    )
    gv.fit(model, pictures, recipe, device=device, folder=place, resume=resume)
    return transfer.load_backbone(place)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
