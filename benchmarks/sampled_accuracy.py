"""Test accuracy of training on drawn neighbors, compared with training on the whole graph.

python benchmarks/sampled_accuracy.py --seeds 20
python benchmarks/sampled_accuracy.py --only power-law --nodes 200_000 --fanouts 10 10

The network, its initial weights, the split and the rule that selects the epoch are the same; what
differs is a step: of the whole graph, or of a batch of nodes with some of their neighbors. With
the batches of the table both take about as many steps. The test accuracy is exact in both cases.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gnnvision as gv
from gnnvision.training.presets import NODE_RECIPES

# Dataset -> the width of the GCN, the recipe of the whole graph, epochs and batch of the other.
SETTINGS = {
    "cora": (16, NODE_RECIPES["gcn"], 67, 64),
    "citeseer": (16, NODE_RECIPES["gcn"], 100, 64),
    "power-law": (64, gv.Recipe(epochs=100, lr=0.01), 20, 128),
}


def compared(name: str, options: argparse.Namespace) -> tuple[gv.Result, gv.Result]:
    """The results on the whole graph and on drawn neighbors."""
    sizes: dict[str, Any] = {"num_nodes": options.nodes} if name == "power-law" else {}
    task = gv.data.load(name, **sizes)
    width, whole, epochs, batch = SETTINGS[name]
    sampled = replace(
        whole, epochs=options.epochs or epochs, batch_size=options.batch_size or batch,
        fanouts=options.fanouts,
    )  # fmt: skip
    results = []
    for recipe in (whole, sampled):
        model = gv.models.gcn(task.in_channels, width, task.num_classes)
        started = time.perf_counter()
        results.append(gv.fit(model, task, recipe, options.seeds, progress=False))
        print(f"{name}, {recipe}: {time.perf_counter() - started:.1f} s", flush=True)
    return results[0], results[1]


def accuracies(result: gv.Result) -> list[float]:
    """The test accuracy of each seed."""
    return [outcome.metrics["test"]["accuracy"] for outcome in result.outcomes]


def line(name: str, whole: Sequence[float], sampled: Sequence[float], rule: str) -> str:
    """A row of the table: means, standard deviations and the difference, in percent."""
    cells = []
    for values in (whole, sampled):
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        cells.append(f"{100 * statistics.fmean(values):.2f} ± {100 * spread:.2f}")
    steps = [100 * (b - a) for a, b in zip(whole, sampled, strict=True)]
    error = statistics.stdev(steps) / math.sqrt(len(steps)) if len(steps) > 1 else 0.0
    cells.append(f"{statistics.fmean(steps):+.2f} ± {error:.2f}")
    return f"{name:12}{cells[0]:>16}{cells[1]:>16}{cells[2]:>16}  {rule}"


def main(argv: list[str] | None = None) -> None:
    """Train both ways on each dataset, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    add("--seeds", type=int, default=10)
    add("--nodes", type=int, default=100_000, help="of the generated graph")
    add("--fanouts", type=int, nargs="+", default=[15, 10])
    add("--batch-size", type=int, help="of all datasets; by default that of the table")
    add("--epochs", type=int, help="of the training on drawn neighbors; as above")
    options = parser.parse_args(argv)
    rows = []
    for name in options.only:
        whole, sampled = compared(name, options)
        task = whole.task
        rule = f"{task.split.name} split {task.split.hash[:8]}, {whole.selection}"
        rows.append(line(name, accuracies(whole), accuracies(sampled), rule))
    fanouts = ", ".join(map(str, options.fanouts))
    print(
        f"\nTest accuracy in percent over {options.seeds} seeds, mean ± standard deviation; of "
        f"the difference ± standard error. Fanouts {fanouts}."
    )
    print(f"{'':12}{'whole graph':>16}{'neighbors':>16}{'difference':>16}  split, epoch kept")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
