"""Inputs that are named by their number in a dataset: nodes of one graph, or whole graphs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from gnnvision import data
from gnnvision.cli.model_inputs import InspectedModel, ModelInput
from gnnvision.errors import invalid
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.predictor import build_network

__all__ = ["load_dataset_inputs", "num_kinds"]

_SPLITS = {"train": "training", "val": "validation", "test": "test"}
_FEATURES = {"cora": "word", "citeseer": "word", "pubmed": "word", "stdlib": "word"}


def load_dataset_inputs(
    checkpoint: Checkpoint, file: Path, inputs: Sequence[str], device: str
) -> InspectedModel:
    """A network for the nodes of one graph or for graphs in TU's layout, and its inputs.

    The checkpoint names the dataset but does not contain it.

    Args:
        checkpoint: as it was read.
        file: the file of the checkpoint.
        inputs: numbers or names: node numbers start at 0, graph numbers at 1, as in the files.
        device: where to run.

    Raises:
        ValueError: if the network is of another kind, or an input is not in the dataset.
    """
    name = checkpoint.state.get("dataset")
    kind = data.describe(name).kind if name in data.dataset_names() else None
    if kind not in ("node", "graph"):
        condition = "be a network for images, molecules, the nodes of one graph or whole graphs"
        trained_on = checkpoint.state.get("title", "an unfinished run")
        raise invalid(
            "model", condition, f"{str(file)!r}, trained on {trained_on!r}", "Choose another run."
        )
    assert name is not None
    task = data.load(name)
    expected = checkpoint.state.get("in_channels", task.in_channels)
    if expected != task.in_channels:
        raise invalid(
            "model",
            f"take the {task.in_channels} node features of the local files of {task.card.title}",
            f"a network that takes {expected}",
            "It was trained on another version of the files; use that version.",
        )
    network = build_network(checkpoint, file).to(device).eval()
    names = tuple(checkpoint.state.get("class_names", task.class_names))
    title = task.card.title
    if isinstance(task, data.NodeTask):
        nodes = [_find_node(text, task, device) for text in inputs]
        word = _FEATURES.get(name, "feature")
        features = tuple(f"{word} {number}" for number in range(task.in_channels))
        return InspectedModel(
            network, names, task.kind, nodes, title, task=task, feature_names=features
        )
    assert isinstance(task, data.GraphTask)
    count = num_kinds(task.x)
    kinds = tuple(map(str, range(count)))  # what they stand for differs between editions
    features = (
        *(f"kind {kind}" for kind in kinds),
        *(f"attribute {number}" for number in range(1, task.in_channels - count + 1)),
    )
    graphs = [_find_graph(text, task, checkpoint.state, count, device) for text in inputs]
    return InspectedModel(
        network, names, task.kind, graphs, title, feature_names=features, kind_names=kinds
    )


def _find_node(text: str, task: data.NodeTask, device: str) -> ModelInput:
    names = task.graph.node_names or ()
    numbers = {str(name): number for number, name in enumerate(names)}
    numbers |= {str(number): number for number in range(task.graph.num_nodes)}
    if text not in numbers:
        by_name = " or a name" if names else ""
        last = task.graph.num_nodes - 1
        condition = f"be a node of {task.card.title}, a number from 0 to {last}{by_name}"
        raise invalid("input", condition, repr(text), "Give one of them.")
    x, graph = task.x.to(device), task.graph.to(device)
    return ModelInput(f"node {text}", x, graph, node=numbers[text])


def _find_graph(
    text: str, task: data.GraphTask, state: dict[str, Any], num_kinds: int, device: str
) -> ModelInput:
    total = task.graphs.num_graphs
    plain = text.strip().lower().removeprefix("graph").strip()
    if not (plain.isascii() and plain.isdigit() and 1 <= int(plain) <= total):
        condition = f"be a graph of {task.card.title}, a number from 1 to {total}"
        advice = "Graphs are numbered from 1, like the lines of the file of their classes."
        raise invalid("input", condition, repr(text), advice)
    row = int(plain) - 1
    nodes = task.graphs.member_nodes([row])
    x, graph = task.x[nodes], task.graphs.select([row])
    one_hot = x[:, :num_kinds]
    kinds = one_hot.argmax(1).tolist() if num_kinds else [-1] * len(x)
    notes = [f"in the dataset its class is “{task.class_names[int(task.y[row])]}”"]
    rows = state.get("split", {})
    split = next((word for key, word in _SPLITS.items() if row in rows.get(key, ())), None)
    if split is not None:
        notes.append(f"it is in the {split} split of the run")
    return ModelInput(
        f"graph {row + 1}", x.to(device), graph.to(device),
        kinds=tuple(kinds), notes=(", and ".join(notes),),
    )  # fmt: skip


def num_kinds(x: Tensor) -> int:
    """The number of leading columns that encode the kind of a node; 0 if none do.

    Those are the node labels of a dataset in TU's layout, one-hot, before its attributes: the
    smallest number of columns with a single one in every row and zeros elsewhere.

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
