"""Training time of the presets of cnn_cifar.py and of a published speed record for CIFAR-10.

    python benchmarks/cifar_record.py --rounds 5

The record is airbench94 (Jordan 2024, https://arxiv.org/abs/2404.00498), which reaches 94 % on the
original files in 9.9 epochs. Its network and training step are reimplemented here from the paper:
batches of 1,024 in bfloat16, channels last, Nesterov momentum, label smoothing. Its images are in
memory, normalized and not augmented, so that only the computation is timed. Ours is the complete
training of `gnnvision.fit`. All programs train in turn on the same number of images; the time of
a whole training is computed from the number of epochs of each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, table, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.training import keep_memory
from gnnvision.training.precision import resolve_precision
from gnnvision.training.presets import IMAGE_PRESETS, ImagePreset
from gnnvision.training.seed_run import SeedRun

TRAINING = 50_000  # images of an epoch
EPOCHS, BATCH = 9.9, 1024  # of the record
PUBLISHED = 666  # seconds of the record on two cores of an earlier machine, to 90.6 %
PRESETS = {name: IMAGE_PRESETS[name] for name in ("quick", "long")}
RECORD = "the record"
Phase = tuple[float, bool]  # scale of the images, and whether the first block is frozen


def record_network() -> nn.Sequential:
    """The network of the paper's section 3: whitening 2 x 2, three blocks of two convolutions."""
    whitening = nn.Conv2d(3, 24, 2)
    whitening.weight.requires_grad_(False)
    layers: list[nn.Module] = [whitening, nn.GELU()]
    narrow = 24
    for wide in (64, 256, 256):
        for number in range(2):
            layers.append(nn.Conv2d(narrow, wide, 3, padding="same", bias=False))
            layers += [nn.MaxPool2d(2)] * (number == 0)
            norm = nn.BatchNorm2d(wide, momentum=0.4, eps=1e-12)
            norm.weight.requires_grad_(False)
            layers += [norm, nn.GELU()]
            narrow = wide
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(narrow, 10, bias=False)]
    return nn.Sequential(*layers)


def record(precision: str, count: int) -> Callable[[], None]:
    """A function that runs the record's training for one pass over `count` images."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    model = record_network().to(dtype, memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, 1e-3, momentum=0.85, nesterov=True)
    x = torch.randn(BATCH, 3, 32, 32).to(dtype, memory_format=torch.channels_last)
    y = torch.randint(0, 10, (BATCH,))

    def epoch() -> None:
        for _ in range(count // BATCH):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x).float() / 9, y, label_smoothing=0.2).backward()
            optimizer.step()

    return epoch


def ours(task: gv.data.ImageTask, preset: ImagePreset, phase: Phase) -> Callable[[], object]:
    """A function that runs a preset's training for one pass over the training images."""
    scale, is_frozen = phase
    recipe = replace(
        preset.recipe,
        epochs=10**6,
        progressive_resizing=((1.0, scale),) if scale < 1 else 0.0,
        freeze_first_block=float(is_frozen),
        checkpoint_selection="last",
    )
    task = replace(task, split=replace(task.split, val=task.split.val[:0]))  # the steps alone
    model = gv.models.whitened_cnn(**preset.settings).to(memory_format=torch.channels_last)
    run = SeedRun(model, task, recipe, 0, precision(), False)
    return lambda: [*run.train_epoch(), run.finish_epoch()]


def precision() -> str:
    """The precision of all programs: that of `gnnvision.fit` on this machine."""
    return resolve_precision("auto", gv.models.whitened_cnn(), "cpu")


def phases(preset: ImagePreset) -> dict[Phase, int]:
    """How many epochs of a preset have each size of images, with the first block frozen or not."""
    recipe = preset.recipe
    each = range(recipe.epochs)
    return dict(Counter((recipe.image_scale(e), recipe.freezes_first_block(e)) for e in each))


def label(name: str, phase: Phase) -> str:
    """The name of a phase of a preset in the table."""
    scale, is_frozen = phase
    return f"{name}, {round(32 * scale)} pixels" + (", first block frozen" if is_frozen else "")


def programs(
    whole: gv.data.ImageTask, batches: int = 2, names: Sequence[str] = tuple(PRESETS)
) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """A program for each phase of the presets, and that of the record; and the images of each."""
    calls: dict[str, Callable[[], object]] = {}
    images: dict[str, int] = {}
    for name in names:
        preset = PRESETS[name]
        size = preset.recipe.batch_size
        assert size is not None
        count = batches * BATCH // size * size
        split = replace(whole.split, train=whole.split.train[:count])
        task = replace(whole, split=split, augment=preset.augment(32, flip=True))
        for phase in phases(preset):
            images[label(name, phase)] = count
            calls[label(name, phase)] = ours(task, preset, phase)
    images[RECORD] = batches * BATCH
    calls[RECORD] = record(precision(), images[RECORD])
    return calls, images


def whole_trainings(
    seconds: Mapping[str, Sequence[float]], images: Mapping[str, int]
) -> dict[str, list[float]]:
    """Seconds of whole trainings, of the presets and of the record, in each round.

    Args:
        seconds: of each program in each round.
        images: of each program.
    """
    each = {name: [s / images[name] for s in values] for name, values in seconds.items()}
    found = {}
    for name, preset in PRESETS.items():
        counts = {label(name, phase): epochs for phase, epochs in phases(preset).items()}
        if counts.keys() <= each.keys():
            rounds = zip(*(each[program] for program in counts), strict=True)
            epochs = list(counts.values())
            found[name] = [
                TRAINING * sum(n * s for n, s in zip(epochs, values, strict=True))
                for values in rounds
            ]
    return found | {RECORD: [EPOCHS * TRAINING * s for s in each[RECORD]]}


def main() -> None:
    """Print the milliseconds an image of each program, and the time of a whole training."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--batches", type=int, default=2, help="batches of 1,024 images in one pass"
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), help="one of them alone")
    parser.add_argument("--archive", type=Path, default=None, help="the JPEG tree, as tar.gz")
    options = parser.parse_args()
    root = os.environ.get("GNNVISION_DATA", "datasets")
    whole = gv.data.load(options.archive or Path(root, "cifar10-images.tar.gz"))
    assert isinstance(whole, gv.data.ImageTask)
    keep_memory()
    names = (options.preset,) if options.preset else tuple(PRESETS)
    calls, images = programs(whole, options.batches, names)
    print(machine(torch.get_num_threads()) + f", {precision()}")
    seconds = in_turn(calls, options.rounds)
    each = {name: [s / images[name] for s in values] for name, values in seconds.items()}
    print("milliseconds an image")
    print(table(each, RECORD, 1e-3, "ms"))
    trainings = whole_trainings(seconds, images)
    theirs = trainings[RECORD]
    print(f"{'a whole training':34}{'epochs':>12}{'time':>12}{'ratio to record':>18}")
    print(f"{RECORD:34}{EPOCHS:12}{statistics.median(theirs):10.0f} s")
    for name in names:
        mine = trainings[name]
        share = statistics.median(b / a for a, b in zip(theirs, mine, strict=True))
        epochs = PRESETS[name].recipe.epochs
        print(f"{name:34}{epochs:12}{statistics.median(mine):10.0f} s{share:18.2f}")
        print(f"{'':34}scaled to the record's published {PUBLISHED} s: {share * PUBLISHED:.0f} s")


if __name__ == "__main__":
    main()
