"""Training time of a head on a frozen backbone: the lecture's program and gnnvision.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --backbone resnet18 --weights resnet18.pth

The lecture's program uses `ImageFolder`, resize, RandomResizedCrop(224) and a random flip; in each
of 13 epochs it runs all images through the frozen network and trains the head with Adam, batch 32.
With errata corrected (lecture on transfer learning), as it would not work with all weights
otherwise: images are normalized as the weights require, and the frozen network is in evaluation
mode. Ours computes the features of each image once and trains the head on them. Both start from
the files without a cache and end with the predictions on the test split; both use images of
224 x 224 and the same number of threads. Times are wall-clock and CPU seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine, with_allocator

with_allocator()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import gnnvision as gv  # noqa: E402
from gnnvision import transfer  # noqa: E402

EPOCHS, BATCH, SIDE = 13, 32, 224


def lecture_program(folder: Path, backbone: transfer.Backbone) -> list[tuple[float, float, float]]:
    """For each epoch: the test accuracy, and the wall-clock and CPU seconds until its end."""
    from torch.utils.data import DataLoader
    from torchvision import datasets
    from torchvision.transforms import v2

    facts = backbone.preprocessing
    assert isinstance(facts, transfer.ImagePreprocessing)
    last = [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(facts.mean, facts.std),
    ]
    vary = [v2.Resize([256, 256]), v2.RandomResizedCrop(SIDE), v2.RandomHorizontalFlip()]
    plain = [v2.Resize(SIDE), v2.CenterCrop(SIDE)]
    clock = Clock()
    train = datasets.ImageFolder(str(folder / "train"), v2.Compose([*vary, *last]))
    test = datasets.ImageFolder(str(folder / "test"), v2.Compose([*plain, *last]))
    torch.manual_seed(0)
    backbone.reset_head(len(train.classes))
    transfer.apply_strategy(backbone, "head")
    network = backbone.network.eval()
    optimizer = torch.optim.Adam(p for p in network.parameters() if p.requires_grad)
    rows = []
    for _ in range(EPOCHS):
        for x, y in DataLoader(train, BATCH, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
        clock.stop()  # evaluation is timed once, at the end
        with torch.no_grad():
            correct = [(network(x).argmax(1) == y) for x, y in DataLoader(test, BATCH)]
        rows.append((float(torch.cat(correct).double().mean()), *clock.resume()))
    return rows


def ours(folder: Path, backbone: transfer.Backbone) -> tuple[float, float, float]:
    """The test accuracy, and the wall-clock and CPU seconds."""
    clock = Clock()
    task = gv.data.load(folder, image_size=SIDE, split="full")
    result = transfer.fine_tune(backbone, task, strategy="head")
    return result.best.metrics["test"]["accuracy"], *clock.stop()


class Clock:
    """Wall-clock and CPU seconds that can be paused."""

    def __init__(self) -> None:
        self.began, self.total = self._now(), (0.0, 0.0)

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def stop(self) -> tuple[float, float]:
        """The seconds so far."""
        now = self._now()
        passed = (end - start for start, end in zip(self.began, now, strict=True))
        self.total = tuple(map(sum, zip(self.total, passed, strict=True)))
        self.began = now
        return self.total

    def resume(self) -> tuple[float, float]:
        """The seconds until the stop; the clock runs again from here."""
        self.began = self._now()
        return self.total


def main() -> None:
    """Time both programs, and print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", type=Path, help="a folder with train and test")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    root = gv.data.data_root()
    weights = given.weights or root / "weights" / "mobilenet_v2_imagenet.safetensors"
    folder = given.data or root / "cats_dogs"
    load: Callable[[], transfer.Backbone] = lambda: transfer.load_backbone(given.backbone, weights)  # noqa: E731
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GNNVISION_CACHE"] = cache
        accuracy, clock, processor = ours(folder, load())
    rows = lecture_program(folder, load())
    print(machine(given.threads))
    print(f"{'':30}{'test accuracy':>14}{'wall s':>10}{'CPU s':>10}")
    print(f"{'gnnvision':30}{accuracy:14.4f}{clock:10.1f}{processor:10.1f}")
    for epoch in sorted({1, 2, 4, 8, EPOCHS}):
        score, seconds, cpu = rows[epoch - 1]
        print(f"lecture, epoch {epoch:<15}{score:14.4f}{seconds:10.1f}{cpu:10.1f}")
    equal = next((row for row in rows if row[0] >= accuracy), None)
    print(
        f"13 epochs of the lecture's program: {rows[-1][2] / processor:.1f} times the CPU seconds"
    )
    if equal is None:
        print(
            f"the lecture's program does not reach {accuracy:.4f}; its best is {max(rows)[0]:.4f}"
        )
    else:
        print(f"until it has the same accuracy: {equal[2] / processor:.1f} times")


if __name__ == "__main__":
    main()
