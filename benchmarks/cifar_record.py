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
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, table, with_allocator

with_allocator()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

import gnnvision as gv  # noqa: E402
from gnnvision.training import keep_memory  # noqa: E402
from gnnvision.training.precision import resolve_precision  # noqa: E402
from gnnvision.training.presets import IMAGE_PRESETS, ImagePreset  # noqa: E402
from gnnvision.training.seed_run import SeedRun  # noqa: E402

TRAINING = 50_000  # images of an epoch
EPOCHS, BATCH = 9.9, 1024  # of the record
PUBLISHED = 666  # seconds of the record on two cores of an earlier machine, to 90.6 %
PRESETS = {name: IMAGE_PRESETS[name] for name in ("quick", "long")}
RECORD, SMALLER = "the record", ", smaller images"


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


def ours(task: gv.data.ImageTask, preset: ImagePreset, precision: str) -> Callable[[], object]:
    """A function that runs a preset's training for one pass over the training images."""
    recipe = replace(preset.recipe, epochs=10**6, progressive_resizing=0.0)
    recipe = replace(recipe, checkpoint_selection="last")
    task = replace(task, split=replace(task.split, val=task.split.val[:0]))  # the steps alone
    model = gv.models.whitened_cnn(**preset.settings).to(memory_format=torch.channels_last)
    run = SeedRun(model, task, recipe, 0, precision, False)
    return lambda: [*run.train_epoch(), run.finish_epoch()]


def main() -> None:
    """Print the milliseconds an image of each program, and the time of a whole training."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--batches", type=int, default=2, help="batches of 1,024 images in one pass"
    )
    parser.add_argument("--archive", type=Path, default=None, help="the JPEG tree, as tar.gz")
    options = parser.parse_args()
    root = os.environ.get("GNNVISION_DATA", "datasets")
    whole = gv.data.load(options.archive or Path(root, "cifar10-images.tar.gz"))
    assert isinstance(whole, gv.data.ImageTask)
    keep_memory()
    precision = resolve_precision("auto", gv.models.whitened_cnn(), "cpu")
    images = {RECORD: options.batches * BATCH}
    programs: dict[str, Callable[[], object]] = {RECORD: record(precision, images[RECORD])}
    for name, preset in PRESETS.items():
        size = preset.recipe.batch_size
        assert size is not None
        count = images[RECORD] // size * size
        task = replace(
            whole,
            split=replace(whole.split, train=whole.split.train[:count]),
            augment=preset.augment(32, flip=True),
        )
        for label, sized in ((name, task), (name + SMALLER, task.low_resolution())):
            images[label] = count
            programs[label] = ours(sized, preset, precision)

    print(machine(torch.get_num_threads()) + f", {precision}")
    rounds = in_turn(programs, options.rounds)
    each = {name: [s / images[name] for s in values] for name, values in rounds.items()}
    print("milliseconds an image")
    print(table(each, RECORD, 1e-3, "ms"))
    theirs = [EPOCHS * TRAINING * s for s in each[RECORD]]
    print(f"{'a whole training':34}{'epochs':>24}{'time':>12}{'ratio to record':>16}")
    print(f"{RECORD:34}{EPOCHS:24}{statistics.median(theirs):10.0f} s")
    for name, preset in PRESETS.items():
        recipe = preset.recipe
        end = recipe.progressive_resizing * recipe.epochs
        small = sum(epoch < end for epoch in range(recipe.epochs))
        full = recipe.epochs - small
        passes = zip(each[name], each[name + SMALLER], strict=True)
        mine = [TRAINING * (full * a + small * b) for a, b in passes]
        share = statistics.median(b / a for a, b in zip(theirs, mine, strict=True))
        epochs = f"{full} + {small} smaller"
        print(f"{name:34}{epochs:>24}{statistics.median(mine):10.0f} s{share:14.2f}")
        print(f"{'':34}scaled to the record's published {PUBLISHED} s: {share * PUBLISHED:.0f} s")


if __name__ == "__main__":
    main()
