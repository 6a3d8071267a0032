"""Clusters of nodes: the share of edges that they cut, their sizes and time, and what it costs.

python benchmarks/clusters.py                       cut edges, compared with random clusters
python benchmarks/clusters.py --accuracy 20         also: accuracy on Cora, 20 seeds

METIS is measured too where pymetis is installed (pip install pymetis). All run on one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec

import torch
from torch import Tensor

import gnnvision as gv
from gnnvision.training.presets import NODE_RECIPES

Partition = Callable[[gv.Graph, int, int], Tensor]  # graph, number of clusters, seed
SEEDS = 3


def ours(graph: gv.Graph, count: int, seed: int) -> Tensor:
    """`Graph.clusters`."""
    return graph.clusters(count, seed)


def random(graph: gv.Graph, count: int, seed: int) -> Tensor:
    """Clusters of equal size at random."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(graph.num_nodes, generator=generator) % count


def metis(graph: gv.Graph, count: int, seed: int) -> Tensor:
    """METIS, which cuts few edges too, by k-way partitioning."""
    import pymetis

    stored = graph.by_target
    rows = pymetis.CSRAdjacency(stored.rowptr.numpy(), stored.source.numpy())
    options = pymetis.Options(seed=seed)
    return torch.tensor(pymetis.part_graph(count, rows, options=options, recursive=False)[1])


def grid(side: int) -> gv.Graph:
    """The pixels of an image, each with its four neighbors."""
    index = torch.arange(side * side).view(side, side)
    right = torch.stack([index[:, :-1].flatten(), index[:, 1:].flatten()])
    down = torch.stack([index[:-1].flatten(), index[1:].flatten()])
    edges = torch.cat([right, down], 1)
    return gv.Graph(torch.cat([edges, edges.flip(0)], 1), side * side)


def row(name: str, partition: Partition, graph: gv.Graph, count: int) -> str:
    """The median share of edges cut, the largest cluster, and the median time."""
    cut, size, seconds = [], [], []
    for seed in range(SEEDS):
        start = time.perf_counter()
        cluster = partition(graph, count, seed)
        seconds.append(time.perf_counter() - start)
        ends = cluster[graph.edge_index]
        cut.append((ends[0] != ends[1]).double().mean().item())
        size.append(int(torch.bincount(cluster, minlength=count).max()) * count / graph.num_nodes)
    return (
        f"  {count:5} clusters, {name:7} {statistics.median(cut):6.1%} of the edges cut, "
        f"largest {statistics.median(size):.2f} of the mean, {statistics.median(seconds):7.2f} s"
    )


def accuracies(seeds: int, clusters: Sequence[tuple[int, int]]) -> None:
    """Print the test accuracy on Cora after equally many steps on the graph and on clusters."""
    task = gv.data.load("cora")
    recipe = NODE_RECIPES["gcn"]
    settings = {"whole graph": recipe}
    for count, in_batch in clusters:
        epochs = recipe.epochs * in_batch // count
        name = f"{in_batch} of {count} clusters"
        settings[name] = replace(recipe, clusters=(count, in_batch), epochs=epochs)
    for name, setting in settings.items():
        model = gv.models.gcn(task.in_channels, 16, task.num_classes)
        result = gv.fit(model, task, setting, seeds=seeds, progress=False)
        found = [outcome.metrics["test"]["accuracy"] for outcome in result.outcomes]
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        print(f"  Cora, {name:20} test accuracy {statistics.mean(found):.2%} ± {spread:.2%}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100_000, help="of the power-law graph")
    parser.add_argument("--accuracy", type=int, default=0, metavar="SEEDS")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    programs: dict[str, Partition] = {"random": random, "ours": ours}
    if find_spec("pymetis"):
        programs["METIS"] = metis
    power_law = gv.data.load("power-law", num_nodes=arguments.nodes).graph
    if not isinstance(power_law, gv.Graph):
        power_law = gv.Graph.from_stored(power_law)
    graphs = {"Cora": gv.data.load("cora").graph, "grid of 300 x 300": grid(300)}
    for name, graph in (graphs | {"power-law graph": power_law}).items():
        graph.by_target  # noqa: B018  # made once
        print(f"{name}: {graph.num_nodes:,} nodes, {graph.num_edges:,} edges", flush=True)
        for count in (10, 100):
            for title, program in programs.items():
                print(row(title, program, graph, count), flush=True)
    if arguments.accuracy:
        accuracies(arguments.accuracy, [(10, 1), (10, 2), (50, 10)])


if __name__ == "__main__":
    main()
