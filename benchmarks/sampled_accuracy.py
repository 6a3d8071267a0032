"""Test accuracy of training on drawn neighbors, compared with training on the whole graph.

python benchmarks/sampled_accuracy.py --seeds 20
python benchmarks/sampled_accuracy.py --only power-law --nodes 200_000 --fanouts 10 10

The network, its initial weights, the split and the rule that selects the epoch are the same; what
differs is a step: of the whole graph, or of a batch of nodes with some of their neighbors. The
training nodes of Cora and CiteSeer are one batch, so that both take as many steps; those of the
generated graph are eight. The test accuracy is exact in both cases. The same network on the graph
without its edges shows what the edges are worth.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

import gnnvision as gv
from gnnvision.training.presets import NODE_RECIPES

KIPF = replace(NODE_RECIPES["gcn"], checkpoint_selection="score")
# Dataset -> the width of the GCN, the recipe of the whole graph, epochs and batch of the other.
SETTINGS = {
    "cora": (16, KIPF, 200, 1024),
    "citeseer": (16, KIPF, 200, 1024),
    "power-law": (64, gv.Recipe(epochs=100, lr=0.01), 20, 128),
}


def compared(name: str, options: argparse.Namespace) -> list[gv.Result]:
    """The results without edges, on the whole graph, and on drawn neighbors."""
    sizes: dict[str, Any] = {"num_nodes": options.nodes} if name == "power-law" else {}
    task = gv.data.load(name, **sizes)
    width, whole, epochs, batch = SETTINGS[name]
    sampled = replace(
        whole, epochs=options.epochs or epochs, batch_size=options.batch_size or batch,
        fanouts=options.fanouts,
    )  # fmt: skip
    edgeless = gv.Graph(torch.empty(2, 0, dtype=torch.int64), task.graph.num_nodes)
    results = []
    for graph, recipe in ((edgeless, whole), (task.graph, whole), (task.graph, sampled)):
        model = gv.models.gcn(task.in_channels, width, task.num_classes)
        started = time.perf_counter()
        one = replace(task, graph=graph)
        results.append(gv.fit(model, one, recipe, options.seeds, progress=False))
        print(f"{name}, {graph}, {recipe}: {time.perf_counter() - started:.1f} s", flush=True)
    return results


def accuracies(result: gv.Result) -> list[float]:
    """The test accuracy of each seed."""
    return [outcome.metrics["test"]["accuracy"] for outcome in result.outcomes]


def line(name: str, results: Sequence[gv.Result]) -> str:
    """A row of the table: means, standard deviations and the difference, in percent."""
    values = [[100 * accuracy for accuracy in accuracies(result)] for result in results]
    cells = [f"{statistics.fmean(each):.2f} ± {spread(each):.2f}" for each in values]
    steps = [after - before for before, after in zip(*values[-2:], strict=True)]
    error = spread(steps) / math.sqrt(len(steps))
    cells.append(f"{statistics.fmean(steps):+.2f} ± {error:.2f}")
    task = results[-1].task
    rule = f"{task.split.name} split {task.split.hash[:8]}, {results[-1].selection}"
    return f"{name:12}{''.join(f'{cell:>16}' for cell in cells)}  {rule}"


def spread(values: Sequence[float]) -> float:
    """The standard deviation; 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


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
    rows = [line(name, compared(name, options)) for name in options.only]
    fanouts = ", ".join(map(str, options.fanouts))
    print(
        f"\nTest accuracy in percent over {options.seeds} seeds, mean ± standard deviation; of "
        f"the difference ± standard error. Fanouts {fanouts}."
    )
    titles = ("without edges", "whole graph", "neighbors", "difference")
    print(f"{'':12}{''.join(f'{title:>16}' for title in titles)}  split, epoch kept")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
