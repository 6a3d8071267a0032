"""A head on a frozen backbone: the lecture notes' way beside gnnvision, in one run.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --backbone resnet18 --weights resnet18.pth

The notes' way is theirs: `ImageFolder`, resize, RandomResizedCrop(224) and a flip drawn anew in
each of 13 epochs, every picture through the frozen network every time, Adam on the head, batch 32.
Two of its mistakes are mended, as it would not work with every weights file otherwise: pictures
are normalized as the weights want it, and the frozen network is in evaluation mode. Ours runs the
network over each picture once and trains the head on that. Both begin with the files, with nothing
in a cache, and end with the answers on the test part; both see pictures of 224 x 224, with as many
threads. Seconds are of the clock and of the processor, which other programs do not slow down.
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


def notes_way(folder: Path, backbone: transfer.Backbone) -> list[tuple[float, float, float]]:
    """After each epoch: the test accuracy, and the seconds of clock and processor until then."""
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
        clock.stop()  # measuring is not counted, but for the one of the end
        with torch.no_grad():
            said = [(network(x).argmax(1) == y) for x, y in DataLoader(test, BATCH)]
        rows.append((float(torch.cat(said).double().mean()), *clock.go_on()))
    return rows


def ours(folder: Path, backbone: transfer.Backbone) -> tuple[float, float, float]:
    """The test accuracy, and the seconds."""
    clock = Clock()
    task = gv.data.load(folder, image_size=SIDE, split="full")
    result = transfer.fine_tune(backbone, task, strategy="head")
    return result.best.metrics["test"]["accuracy"], *clock.stop()


class Clock:
    """Seconds of the clock and of the processor, which can be stopped."""

    def __init__(self) -> None:
        self.began, self.over = self._now(), (0.0, 0.0)

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def stop(self) -> tuple[float, float]:
        """The seconds so far."""
        now = self._now()
        self.over = (self.over[0] + now[0] - self.began[0], self.over[1] + now[1] - self.began[1])
        self.began = now
        return self.over

    def go_on(self) -> tuple[float, float]:
        """The seconds until it was stopped; it goes on from here."""
        self.began = self._now()
        return self.over


def main() -> None:
    """Both ways, and how many times as long the notes' takes."""
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
    rows = notes_way(folder, load())
    print(machine(given.threads))
    print(f"{'':30}{'test accuracy':>14}{'clock s':>10}{'CPU s':>10}")
    print(f"{'gnnvision':30}{accuracy:14.4f}{clock:10.1f}{processor:10.1f}")
    for epoch in sorted({1, 2, 4, 8, EPOCHS}):
        score, seconds, cpu = rows[epoch - 1]
        print(f"notes' way, epoch {epoch:<12}{score:14.4f}{seconds:10.1f}{cpu:10.1f}")
    equal = next((row for row in rows if row[0] >= accuracy), None)
    print(f"13 epochs of the notes' way take {rows[-1][2] / processor:.1f} times the CPU seconds")
    if equal is None:
        print(f"the notes' way does not reach {accuracy:.4f}; its best is {max(rows)[0]:.4f}")
    else:
        print(f"until it is as accurate: {equal[2] / processor:.1f} times")


if __name__ == "__main__":
    main()
