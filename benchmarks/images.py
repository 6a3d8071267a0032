"""Training speed on CIFAR-10's JPEG files: gnnvision and a standard loop, same network.

    python benchmarks/images.py --rounds 3

The network is the lectures' VGG-like one, batch 128, Adam, crops with padding 4 and flips. The
standard loop is torchvision's ImageFolder with Pillow transforms and a DataLoader with 2 workers,
in float32. Ours is the training step of `gnnvision.fit`. Intermediate programs show what each
difference contributes. Data are read from the archive in the data root; for the standard loop its
files are unpacked into a temporary folder beforehand. Preparation is not timed. All programs run
in turn on the same number of images; the second pass is timed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.training import keep_memory
from gnnvision.training.precision import resolve_precision
from gnnvision.training.seed_run import SeedRun

BATCH = 128
STANDARD, OURS = "standard loop: files, PIL, 2 workers", "gnnvision.fit"
AUGMENT = gv.data.Augment(crop=4, padding_mode="zeros", flip="random")


def unpack(archive: Path, folder: Path, count: int) -> None:
    """Unpack the first `count` training images of the archive, the same number of each class."""
    left = dict.fromkeys(gv.data.describe("cifar10").class_names, count // 10)
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            if member.isfile() and parts[-3] == "train" and left[parts[-2]] > 0:
                left[parts[-2]] -= 1
                tar.extract(member, folder, filter="data")


def standard_loop(folder: Path) -> Callable[[], None]:
    """A function that runs one epoch of the loop of torchvision's tutorials."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
        ]
    )
    images = datasets.ImageFolder(str(next(folder.rglob("train"))), transform)
    loader = DataLoader(
        images, BATCH, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True
    )
    model = gv.models.vgg_like()
    optimizer = torch.optim.Adam(model.parameters())

    def epoch() -> None:
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    return epoch


def ours(task: gv.data.ImageTask, precision: str, last: bool, compiled: bool = False) -> SeedRun:
    """The training of `gnnvision.fit`, to be run one epoch at a time."""
    model = gv.models.vgg_like()
    if last:
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    recipe = gv.Recipe(epochs=10**6, lr=1e-3, batch_size=BATCH, checkpoint_selection="last")
    split = replace(task.split, val=task.split.val[:0])  # the steps alone
    return SeedRun(model, replace(task, split=split), recipe, 0, precision, compiled)


class Contiguous(nn.Module):
    """A model whose images are in the default memory layout (NCHW), as in most programs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor, domain: object) -> torch.Tensor:
        """The model's output."""
        return self.model(x.contiguous())


def arithmetic_rate(precision: str) -> float:
    """GFLOP/s of a matrix product of 2048 x 2048, the maximum of ten."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = torch.randn(2, 2048, 2048).to(dtype)
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * 2048**3 / best / 1e9


class Programs(NamedTuple):
    """Programs that train on the same images, to be timed in turn.

    Args:
        calls: each trains for one pass.
        images: how many images a pass has.
        run: the training of `gnnvision.fit`.
    """

    calls: dict[str, Callable[[], object]]
    images: dict[str, int]
    run: SeedRun


def programs(
    whole: gv.data.ImageTask, folder: Path, compiled: bool = False, count: int = 2560
) -> Programs:
    """Ours, the standard loop, and what each difference contributes.

    Args:
        whole: all images.
        folder: of the unpacked files, for the standard loop; `unpack` fills it.
        compiled: whether to add the compiled step.
        count: number of images in a pass.
    """
    keep_memory()  # as the scripts do, and here for all programs alike
    count = count // BATCH * BATCH
    split = replace(whole.split, train=whole.split.train[:count])
    task = replace(whole, split=split, augment=AUGMENT)
    precision = resolve_precision("auto", gv.models.vgg_like(), "cpu")
    plain = ours(task, "float32", last=False)
    plain.call = Contiguous(plain.model)
    runs = {OURS: ours(task, precision, last=True)}
    if compiled:
        runs["gnnvision.fit, compiled"] = ours(task, precision, last=True, compiled=True)
    runs |= {
        "+ channels last": ours(task, "float32", last=True),
        "+ images in memory, batched": plain,
    }
    calls: dict[str, Callable[[], object]] = {
        name: lambda run=run: [*run.train_epoch(), run.finish_epoch()]
        for name, run in runs.items()
    }
    calls[STANDARD] = standard_loop(folder)
    files = sum(1 for _ in next(folder.rglob("train")).glob("*/*"))
    images = dict.fromkeys(runs, count) | {STANDARD: files // BATCH * BATCH}
    return Programs(calls, images, runs[OURS])


def main() -> None:
    """Time all programs in turn; print the time waiting for data and the compute bound."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    flags = ("--images", "--pictures")
    parser.add_argument(*flags, type=int, default=2560, help="number of images in one pass")
    parser.add_argument("--archive", type=Path, default=None, help="the JPEG tree, as tar.gz")
    parser.add_argument("--compile", action="store_true", help="time the compiled step too")
    options = parser.parse_args()
    root = os.environ.get("GNNVISION_DATA", "datasets")
    archive = options.archive or Path(root, "cifar10-images.tar.gz")
    whole = gv.data.load(archive)
    assert isinstance(whole, gv.data.ImageTask)
    with tempfile.TemporaryDirectory() as folder:
        # More for the loop of files, whose workers read ahead at the start of a pass.
        unpack(archive, Path(folder), options.images + 10 * BATCH)
        calls, images, run = programs(whole, Path(folder), options.compile, options.images)
        print(machine(torch.get_num_threads()) + f", {run.precision}")
        before = run.waited
        seconds = in_turn(calls, options.rounds)
        waited = run.waited - before

    speeds = {n: images[n] / statistics.median(values) for n, values in seconds.items()}
    print(f"{'':36}{'images/s':>10}{'ratio':>8}{'slowest':>10}{'quickest':>10}")
    for name, speed in speeds.items():
        low, high = (images[name] / f(seconds[name]) for f in (max, min))
        ratio = speed / speeds[STANDARD]
        print(f"{name:36}{speed:10.0f}{ratio:8.2f}{low:10.0f}{high:10.0f}")
    passes = options.rounds + 1  # the first one is not timed, but waits as long
    share = waited / passes / statistics.median(seconds[OURS])
    print(f"share of the time spent waiting for data: {share:.1%}")
    macs = gv.summary(gv.models.vgg_like(), gv.Grid((32, 32)), channels=3).total_macs
    for name in ("float32", run.precision):
        rate = arithmetic_rate(name)
        bound = rate * 1e9 / (6 * macs)
        print(
            f"compute bound, {name}: {rate:.0f} GFLOP/s in a matrix product, "
            f"{6 * macs / 1e6:.0f} MFLOP an image: {bound:.0f} images/s"
            + (f", of which we reach {speeds[OURS] / bound:.0%}" if name == run.precision else "")
        )


if __name__ == "__main__":
    main()
