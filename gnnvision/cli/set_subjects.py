"""Inputs that are named by their number in a data set: nodes of one graph, or graphs of a set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from gnnvision import data
from gnnvision.cli.subject import Subject, Subjects
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.predictor import build_network

__all__ = ["of_a_set"]

_PARTS = {"train": "training", "val": "validation", "test": "test"}
_FEATURES = {"cora": "word", "citeseer": "word", "pubmed": "word", "stdlib": "word"}


def of_a_set(checkpoint: Checkpoint, file: Path, inputs: Sequence[str], device: str) -> Subjects:
    """A network for the nodes of one graph, or for the graphs of a set in TU's layout.

    The checkpoint names the data set and does not hold it.

    Args:
        checkpoint: as it was read.
        file: from where.
        inputs: numbers or names: nodes count from 0; graphs from 1, as in the files.
        device: where to run.

    Raises:
        ValueError: if the network is of another kind, or an input is not in the set.
    """
    name = checkpoint.state.get("dataset")
    kind = data.describe(name).kind if name in data.dataset_names() else None
    if kind not in ("node", "graph"):
        raise ValueError(
            f"'model' must be a network for pictures, molecules, the nodes of one graph or the "
            f"graphs of a set, got {str(file)!r} of "
            f"{checkpoint.state.get('title', 'an unfinished run')!r}. Give another run."
        )
    assert name is not None
    task = data.load(name)
    wanted = checkpoint.state.get("in_channels", task.in_channels)
    if wanted != task.in_channels:
        raise ValueError(
            f"'model' must read the features of {task.card.title} as it is here, "
            f"{task.in_channels} of a node, got a network that reads {wanted}. It was trained on "
            "another edition of the files; put that one there."
        )
    network = build_network(checkpoint, file).to(device).eval()
    names = tuple(checkpoint.state.get("class_names", task.class_names))
    if isinstance(task, data.NodeTask):
        items = [_node(text, task, device) for text in inputs]
        word = _FEATURES.get(name, "feature")
        features = tuple(f"{word} {number}" for number in range(task.in_channels))
        title = task.card.title
        return Subjects(network, names, task.kind, items, title, task=task, feature_names=features)
    assert isinstance(task, data.GraphTask)
    count = num_kinds(task.x)
    kinds = tuple(map(str, range(count)))  # what they stand for differs between editions
    features = (
        *(f"kind {kind}" for kind in kinds),
        *(f"attribute {number}" for number in range(1, task.in_channels - count + 1)),
    )
    state = checkpoint.state
    items = [_graph(text, task, state, count, device) for text in inputs]
    return Subjects(
        network, names, task.kind, items, task.card.title,
        feature_names=features, kind_names=kinds,
    )  # fmt: skip


def _node(text: str, task: data.NodeTask, device: str) -> Subject:
    names = task.graph.node_names or ()
    numbers = {str(name): number for number, name in enumerate(names)}
    numbers |= {str(number): number for number in range(task.graph.num_nodes)}
    if text not in numbers:
        raise ValueError(
            f"'input' must be a node of {task.card.title}, a number from 0 to "
            f"{task.graph.num_nodes - 1}{' or a name' * bool(names)}, got {text!r}. "
            "Give one of them."
        )
    x, graph = task.x.to(device), task.graph.to(device)
    return Subject(f"node {text}", x, graph, node=numbers[text])


def _graph(
    text: str, task: data.GraphTask, state: dict[str, Any], num_kinds: int, device: str
) -> Subject:
    total = task.graphs.num_graphs
    plain = text.strip().lower().removeprefix("graph").strip()
    if not (plain.isascii() and plain.isdigit() and 1 <= int(plain) <= total):
        raise ValueError(
            f"'input' must be a graph of {task.card.title}, a number from 1 to {total}, got "
            f"{text!r}. Graphs count from 1, as the lines of the file of their classes."
        )
    row = int(plain) - 1
    nodes = task.graphs.member_nodes([row])
    x, graph = task.x[nodes], task.graphs.select([row])
    held = x[:, :num_kinds]
    kinds = held.argmax(1).tolist() if num_kinds else [-1] * len(x)
    notes = [f"in the data its class is “{task.class_names[int(task.y[row])]}”"]
    split = state.get("split", {})
    part = next((word for key, word in _PARTS.items() if row in split.get(key, ())), None)
    if part is not None:
        notes.append(f"it is in the {part} part of the run")
    return Subject(
        f"graph {row + 1}", x.to(device), graph.to(device),
        kinds=tuple(kinds), notes=(", and ".join(notes),),
    )  # fmt: skip


def num_kinds(x: Tensor) -> int:
    """How many of the first columns say of what kind a node is; 0 if none do.

    Those are the labels of a set in TU's layout, one-hot, before its attributes: the fewest
    columns that have a single one in every row and nothing else.

    Args:
        x: features of all nodes. Shape (N, C).
    """
    for count in range(1, x.shape[1] + 1):
        block = x[:, :count]
        if not bool(((block == 0) | (block == 1)).all()):
            return 0
        if bool((block.sum(1) == 1).all()):
            return count
    return 0
