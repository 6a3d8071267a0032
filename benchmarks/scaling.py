"""How training scales over processes: measured here for two, and on paper for more.

Each row is the same training with the same whole batch, by `gv.fit`: by one process with one
thread, by one with two threads, and by two processes that torchrun starts, with one thread each
and half of the batch. The bytes that the processes exchange are counted as they do so; from them
and the time of a step follows what 8 and 64 processes would reach over a link of a given speed.

    python benchmarks/scaling.py

Run it on a quiet machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.distributed.elastic.multiprocessing.errors import record

import gnnvision as gv
from gnnvision.training.events import EpochDone, StepDone
from gnnvision.training.world import World, world

ROOT = Path(__file__).resolve().parents[1]
TASKS = ("images", "molecules", "nodes")
WAYS = {"1 x 1": (1, 1), "1 x 2": (1, 2), "2 x 1": (2, 1)}  # processes and threads of each
# Bytes a second that a process sends and receives at once, and seconds until a message arrives.
LINKS = {
    "10 Gbit/s Ethernet": (1.25e9, 50e-6),
    "400 Gbit/s InfiniBand": (50e9, 5e-6),
    "NVLink of an H100": (450e9, 3e-6),
}
COUNTS = (2, 8, 64)
WARM = 3  # steps
RESNET_18 = 11_689_512  # parameters


def problem(name: str) -> tuple[gv.data.Task, nn.Module, gv.Recipe, int]:
    """A task, a network, a recipe and the items of a whole batch."""
    numbers = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    if name == "images":
        pixels = torch.randint(0, 256, (1_920, 3, 32, 32), dtype=torch.uint8, generator=numbers)
        labels = torch.randint(0, 10, (1_920,), generator=numbers)
        model = gv.models.whitened_cnn(widths=(32, 64, 64), depths=(1, 1, 1))
        return gv.data.from_tensors(pixels, labels), model, gv.Recipe(), 128
    if name == "molecules":
        sizes = torch.randint(10, 40, (1_920,), generator=numbers).tolist()
        paths = [
            gv.Graph.from_edges([(i, i + 1) for i in range(n - 1)], n, undirected=True)
            for n in sizes
        ]
        x = torch.randn(sum(sizes), 32, generator=numbers)
        y = torch.randn(1_920, 1, generator=numbers)
        layers = [gv.GCNConv(32, 128), nn.ReLU(), gv.Dropout(0.2), gv.GCNConv(128, 128)]
        model = gv.Sequential(*layers, nn.ReLU(), gv.Readout(), nn.Linear(128, 1))
        return gv.data.GraphTask.from_graphs(paths, y, x), model, gv.Recipe(), 128
    task = gv.data.load("power-law", num_nodes=30_000)
    split = gv.data.Split("mine", range(16_384), range(16_384, 18_384), range(18_384, 20_384))
    task = replace(task, split=split)
    model = gv.models.graphsage(task.in_channels, 128, task.num_classes)
    return task, model, gv.Recipe(fanouts=(15, 10)), 1_024


@record
def measured(name: str, threads: int) -> None:
    """Train, and print the seconds of a step and the bytes exchanged, as JSON."""
    torch.set_num_threads(threads)
    sent, times = Counter(), []
    for method in ("sum", "put"):
        count(method, sent)
    task, model, recipe, whole = problem(name)

    def note(event: object) -> None:
        if isinstance(event, StepDone):
            times.append(time.perf_counter())
        elif isinstance(event, EpochDone):
            sent["metrics"] = sent["epoch"]

    settings = {**recipe.to_dict(), "epochs": 1, "batch_size": whole // world().size}
    settings |= {"checkpoint_selection": "last"}
    recipe = gv.Recipe.from_dict(settings)
    gv.fit(
        model, task, recipe, reset=False, precision="float32", progress=False, callbacks=[note],
    )  # fmt: skip
    steps = [b - a for a, b in zip(times[WARM:], times[WARM + 1 :], strict=False)]
    learned = [p for p in model.parameters() if p.requires_grad]
    found = {
        "step": statistics.median(steps),
        "fastest": min(steps),
        # DistributedDataParallel adds up the gradients, and one integer for each parameter.
        "gradients": sum(p.numel() * p.element_size() for p in learned),
        "counts": 4 * (len(learned) + 1) + sent["step"] / len(times),
        "metrics": sent["metrics"],
        "parameters": sum(p.numel() for p in learned),
    }
    if world().is_first:
        print(json.dumps(found))


def count(method: str, sent: Counter[str]) -> None:
    """Count the bytes that a collective method exchanges, by whether a step or an epoch does."""
    before = getattr(World, method)

    def counted(self: World, tensor: torch.Tensor) -> torch.Tensor:
        small = method == "sum" and tensor.dtype is torch.float64 and tensor.ndim == 2
        sent["step" if small else "epoch"] += tensor.numel() * tensor.element_size()
        return before(self, tensor)

    setattr(World, method, counted)


def started(name: str, processes: int, threads: int) -> dict[str, float]:
    """What `measured` prints, in as many processes."""
    words = [str(Path(__file__)), "--worker", name, "--threads", str(threads)]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *launcher, *words], capture_output=True, text=True, check=False,
        env=environment | {"PYTHONPATH": path},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def seconds_of(size: float, processes: int, link: tuple[float, float]) -> float:
    """The time of a sum over processes in a ring, which sends everything twice but for a part."""
    speed, latency = link
    return 2 * (processes - 1) / processes * size / speed + 2 * (processes - 1) * latency


def on_paper(name: str, step: float, size: float) -> None:
    """Print which part of the time of a step is computation, for more processes.

    Args:
        name: of the task.
        step: the seconds of a step; NaN for a network that is not measured here.
        size: the bytes that are summed in it.
    """
    for title, link in LINKS.items():
        cells = []
        for processes in COUNTS:
            part = step / (step + seconds_of(size, processes, link))
            cells.append("       " if math.isnan(part) else f"{100 * part:5.1f} %")
        least = 4 * seconds_of(size, COUNTS[-1], link)
        print(f"  {name:10} {title:22} {'  '.join(cells)}   {1e3 * least:8.2f} ms")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", nargs="*", default=TASKS, choices=TASKS)
    parser.add_argument("--worker", choices=TASKS, help="for the processes that this starts")
    parser.add_argument("--threads", type=int, default=1)
    flags = parser.parse_args()
    if flags.worker:
        warnings.simplefilter("ignore")
        measured(flags.worker, flags.threads)
        return
    found = {}
    print(
        "milliseconds of a step on the same whole batch, median (fastest), and speed-up over 1 x 1"
    )
    print("  task       " + "".join(f"{way:>22}" for way in WAYS) + "   (processes x threads)")
    for name in flags.tasks:
        runs = [{way: started(name, *WAYS[way]) for way in WAYS} for _ in range(flags.rounds)]
        step = {way: statistics.median(run[way]["step"] for run in runs) for way in WAYS}
        fastest = {way: min(run[way]["fastest"] for run in runs) for way in WAYS}
        cells = [
            f"{1e3 * step[way]:8.1f} ({1e3 * fastest[way]:.1f}) {step['1 x 1'] / step[way]:.2f}x"
            for way in WAYS
        ]
        print(f"  {name:10} " + "".join(f"{cell:>22}" for cell in cells), flush=True)
        found[name] = runs[0]["2 x 1"] | {"one": step["1 x 1"] / 2}
    print("\nbytes that each process adds up with the others")
    print("  task        parameters  gradients a step  counts a step  metrics an epoch")
    for name, held in found.items():
        print(
            f"  {name:10} {held['parameters']:11,.0f}  {held['gradients']:16,.0f}  "
            f"{held['counts']:13,.0f}  {held['metrics']:16,.0f}"
        )
    print(
        "\non paper: computation as a part of a step, with the batch of one process as above and"
    )
    print(
        "no overlap, for 2, 8 and 64 processes; and the step of one process that 64 need for 80 %"
    )
    for name, held in found.items():
        on_paper(name, held["one"], held["gradients"] + held["counts"])
    on_paper("ResNet-18", math.nan, 4 * RESNET_18)


if __name__ == "__main__":
    main()
