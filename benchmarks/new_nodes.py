"""Nodes of Cora that were not there in training: their accuracy, and the nodes computed for them.

    python benchmarks/new_nodes.py

For each seed, 200 papers that are in neither the training nor the validation split are taken out
of the graph with their citations. A GCN trains without them, and its run predicts them with their
citations, which computes only the nodes that they need. A second GCN trains with the whole graph
and predicts the same papers, as is usual (transductive).
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import gnnvision as gv
from gnnvision.data import NodeTask, Split


def tables(task: NodeTask, new: np.ndarray) -> tuple[dict, dict]:
    """The new nodes with their features, and the edges that have one of them."""
    ids = [str(node) for node in range(task.graph.num_nodes)]
    source, target = task.graph.edge_index
    fresh = torch.zeros(len(ids), dtype=torch.bool)
    fresh[torch.from_numpy(new)] = True
    kept = ((fresh[source] | fresh[target]) & (source < target)).nonzero().squeeze(1)
    nodes = {"id": [ids[node] for node in new], "x": task.x.to_dense()[torch.from_numpy(new)]}
    ends = {"source": source, "target": target}
    return nodes, {side: [ids[node] for node in end[kept].tolist()] for side, end in ends.items()}


def without(task: NodeTask, new: np.ndarray) -> NodeTask:
    """The task without these nodes and their edges, with its training and validation split."""
    rest = np.setdiff1d(np.arange(task.graph.num_nodes), new)
    place = {int(node): row for row, node in enumerate(rest)}
    graph = task.graph.subgraph(torch.from_numpy(rest))
    names = tuple(map(str, rest.tolist()))
    columns = {name: getattr(graph, name) for name in ("edge_weight", "edge_type", "edge_attr")}
    parts = [[place[int(n)] for n in getattr(task.split, p) if int(n) in place] for p in PARTS]
    return NodeTask(
        name="part of Cora", kind=task.kind, in_channels=task.in_channels,
        num_outputs=task.num_outputs, class_names=task.class_names,
        split=Split("public", *map(np.array, parts)),
        x=task.x.to_dense()[torch.from_numpy(rest)].to_sparse(), y=task.y[torch.from_numpy(rest)],
        graph=gv.Graph(graph.edge_index, graph.num_nodes, node_names=names, **columns),
    )  # fmt: skip


def each(task: NodeTask, new: np.ndarray) -> Iterator[tuple[dict, dict]]:
    """The tables of ten of the new nodes alone, each with its edges to known nodes."""
    nodes, edges = tables(task, new)
    fresh = set(nodes["id"])
    for row, name in enumerate(nodes["id"][:10]):
        pairs = [
            pair for pair in zip(edges["source"], edges["target"], strict=True)
            if name in pair and not fresh & set(pair) - {name}
        ]  # fmt: skip
        ends = {"source": [a for a, _ in pairs], "target": [b for _, b in pairs]}
        yield {"id": [name], "x": nodes["x"][row : row + 1]}, ends


def computed(found: gv.runs.Predictions) -> int:
    """The number of nodes that were computed, from the notes of a prediction."""
    return int(found.notes[-1].split(" of ")[0].replace(",", ""))


PARTS = ("train", "val", "test")


def main() -> None:
    """Train both for each seed and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--papers", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=200)
    flags = parser.parse_args()
    task = gv.data.load("cora")
    recipe = gv.Recipe(epochs=flags.epochs, lr=0.01, weight_decay=5e-4, weight_decay_scope="first")
    used = np.concatenate([task.split.train, task.split.val])
    free = np.setdiff1d(np.arange(task.graph.num_nodes), used)
    scores, counts, alone = [], [], []
    for seed in range(flags.seeds):
        new = np.sort(np.random.default_rng(seed).choice(free, flags.papers, replace=False))
        truth = [task.class_names[label] for label in task.y[torch.from_numpy(new)].tolist()]
        model = gv.models.gcn(task.in_channels, 16, task.num_classes)
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "new"
            gv.fit(model, without(task, new), recipe, seeds=[seed], folder=run, progress=False)
            again = gv.load_run(run, device="cpu")
            nodes, edges = tables(task, new)
            found = again.predict(nodes=nodes, edges=edges)
            alone += [
                computed(again.predict(nodes=one, edges=ends)) for one, ends in each(task, new)
            ]
        result = gv.fit(model, task, recipe, seeds=[seed], progress=False)
        with torch.no_grad():
            whole = result.model(task.x, task.graph).argmax(1)[torch.from_numpy(new)]
        usual = float((whole == task.y[torch.from_numpy(new)]).double().mean())
        right = np.mean(
            [guess == label for guess, label in zip(found.predicted, truth, strict=True)]
        )
        scores.append((float(right), usual))
        counts.append(computed(found))
        print(f"seed {seed}: new {right:.3f}, transductive {usual:.3f}: {found.notes[-1]}")
    mean, spread = np.mean(scores, 0), np.std(scores, 0, ddof=min(1, flags.seeds - 1))
    for name, value, std in zip(
        ("new nodes", "transductive"), 100 * mean, 100 * spread, strict=True
    ):
        print(f"{name}: {value:.1f} ± {std:.1f} % over {flags.seeds} seeds")
    print(f"nodes computed for all {flags.papers} together: {np.mean(counts):.0f} on average")
    print(f"nodes computed for one new paper alone: {np.mean(alone):.0f} on average")


if __name__ == "__main__":
    main()
