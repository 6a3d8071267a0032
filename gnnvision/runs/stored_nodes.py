"""Predictions for the nodes of a graph on disk: all of them in blocks, or some by their id."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnnvision.data import NodeTask
from gnnvision.data.graphs.id_index import IdIndex
from gnnvision.data.graphs.node_names import NodeNames
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.data.text_cells import TextCells
from gnnvision.domains import Frontier, Graph, StoredGraph
from gnnvision.errors import invalid
from gnnvision.layers.calling import call
from gnnvision.runs.inputs import Block, Input, as_rows
from gnnvision.runs.known import known_label
from gnnvision.training.by_layer import hops_of_layers, outputs_by_layer

__all__ = ["StoredNodes"]

ROWS = 2**16  # of a table that are written together
FEW = 8  # ids that are found by reading all of them
MOST_HELD = 2**28  # bytes of the outputs of a network in memory
EMBEDDED = 256  # nodes whose neighbors are read together, to embed them
MOST_EXPLAINED = 200_000  # nodes that an explanation may depend on


class StoredNodes:
    """The nodes of a task whose graph is on disk.

    Args:
        task: The task.
        graph: Its graph.
        network: A network of the run.
        device: Where the networks run.
        title: Of the run, for messages.
    """

    def __init__(
        self, task: NodeTask, graph: StoredGraph, network: nn.Module, device: str, title: str
    ) -> None:
        self.task, self.graph, self.network = task, graph, network
        self.device, self.title = device, title
        self._outputs: dict[int, Tensor] = {}
        self._index: IdIndex | None = None

    def all_blocks(self) -> Iterator[Block]:
        """All nodes in blocks."""
        self._outputs = {}
        for start in range(0, self.graph.num_nodes, ROWS):
            yield self.block(range(start, min(start + ROWS, self.graph.num_nodes)))

    def block(self, nodes: Sequence[int]) -> Block:
        """Some nodes, in order and with repetition."""
        number = as_rows(list(nodes))
        splits = np.array(["", *SPLIT_NAMES])[self._splits(number.numpy())]
        return Block(
            self._ids(nodes),
            [""] * len(nodes),
            number,
            self.graph,
            after={
                "split": splits.tolist(),
                "known label": [known_label(self.task, node) for node in nodes],
            },
        )

    def output(self, network: nn.Module, nodes: Tensor) -> Tensor:
        """The exact outputs of a network at some nodes; all are computed for the first block."""
        whole = len(nodes) == min(ROWS, self.graph.num_nodes) and int(nodes[0]) == 0
        if whole or id(network) in self._outputs:
            if id(network) not in self._outputs:
                self._outputs[id(network)] = _to_disk(self._compute(network, None))
            return self._outputs[id(network)][nodes].clone()
        wanted, place = nodes.unique(return_inverse=True)
        return self._compute(network, wanted)[place]

    def with_signal(self, block: Block) -> Iterator[Block]:
        """The nodes of a block with what the network reads for them, few at a time."""
        assert block.x is not None
        hops = sum(hops_of_layers(self.network, self.task.rows, self.graph))
        for nodes in block.x.split(EMBEDDED):
            wanted, place = nodes.unique(return_inverse=True)
            frontier = self.graph.frontier(wanted, hops)
            x = self.task.rows(frontier.nodes).to(self.device)
            none = [""] * len(nodes)
            yield Block(none, none, x, frontier.to(self.device), place)

    def _compute(self, network: nn.Module, nodes: Tensor | None) -> Tensor:
        with torch.inference_mode(False):
            return outputs_by_layer(
                network, self.task.rows, self.graph, nodes, device=self.device
            ).float()

    def indices(self, names: Sequence[object]) -> list[int]:
        """The nodes with some ids, or whole numbers where an id is unknown.

        Raises:
            ValueError: There is none of this name.
        """
        texts = [str(name).strip() for name in names]
        found = self._find(texts)
        for row in [row for row, node in enumerate(found) if node < 0]:
            text = texts[row]
            if text.isascii() and text.isdigit() and int(text) < self.graph.num_nodes:
                found[row] = int(text)
                continue
            by_name = " or a name" if self.graph.node_names else ""
            last = self.graph.num_nodes - 1
            condition = f"be a node of {self.title}, a number from 0 to {last}{by_name}"
            advice = "New nodes need a graph in memory."
            raise invalid("input", condition, repr(text), advice)
        return found

    def _find(self, texts: list[str]) -> list[int]:
        names = self.graph.node_names
        if not isinstance(names, NodeNames):
            return [-1] * len(texts)
        if len(texts) <= FEW:
            return [names.find(text) for text in texts]
        if self._index is None:
            self._index = IdIndex(names.cells(), repr(self.title))
        found: list[int] = self._index.find(TextCells.of(texts)).tolist()
        return found

    def _ids(self, nodes: Sequence[int]) -> list[str]:
        names = self.graph.node_names
        if names is None:
            return list(map(str, nodes))
        if isinstance(nodes, range):
            return list(map(str, names[nodes.start : nodes.stop]))
        return [str(names[node]) for node in nodes]

    def _splits(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """0 for a node in no split, 1 for training, 2 for validation, 3 for test."""
        found = np.zeros(len(nodes), np.int64)
        for code, name in enumerate(SPLIT_NAMES, 1):
            rows = getattr(self.task.split, name)
            if len(rows):
                place = np.minimum(np.searchsorted(rows, nodes), len(rows) - 1)
                found[rows[place] == nodes] = code
        return found

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """For explanations: each node with the part of the graph that its output depends on.

        Raises:
            ValueError: There is none of this name, or it depends on too many nodes, or on what a
                part of the graph does not have, such as the degrees of edges that leave it.
        """
        hops = sum(hops_of_layers(self.network, self.task.rows, self.graph))
        for name, node in zip(names, self.indices(names), strict=True):
            # With one hop more, all nodes that count have all their incoming edges.
            frontier = self.graph.frontier([node], hops + 1)
            if frontier.num_nodes > MOST_EXPLAINED:
                got = f"{name!r}, which depends on {frontier.num_nodes:,}"
                condition = f"depend on at most {MOST_EXPLAINED:,} nodes to be explained"
                raise invalid("input", condition, got, "Choose a node with fewer neighbors.")
            x = self.task.rows(frontier.nodes).to(self.device)
            graph = self._part(frontier, hops).to(self.device)
            with torch.no_grad():
                found = call(self.network, x, graph)[:1].cpu()
            exact = self._compute(self.network, torch.tensor([node]))
            if not torch.allclose(found, exact, 1e-4, 1e-5):
                got = f"{name!r}, whose output depends on more than the incoming edges nearby"
                condition = "be a node whose part of the graph gives the same output"
                raise invalid("input", condition, got, "Load a graph that fits in memory.")
            yield Input(f"node {name}", x, graph, node=0)

    def _part(self, frontier: Frontier, hops: int) -> Graph:
        """The nodes of a frontier as a graph: with the incoming edges of all but the last hop."""
        assert frontier.steps is not None
        step, stored = frontier.steps[hops], self.graph
        target = torch.arange(len(step.rowptr) - 1).repeat_interleave(step.rowptr.diff())
        columns = {
            name: held[step.edge]
            for name in ("edge_weight", "edge_attr", "edge_type")
            if (held := getattr(stored, name)) is not None
        }
        names = tuple(self._ids(frontier.nodes.tolist())) if stored.node_names else None
        return Graph(
            torch.stack([step.source, target]), frontier.num_nodes, node_names=names,
            num_relations=stored.num_relations, **columns,
        )  # fmt: skip


def _to_disk(outputs: Tensor) -> Tensor:
    """The same values in a temporary file if they are large, as an ensemble keeps several."""
    if outputs.numel() * outputs.element_size() <= MOST_HELD:
        return outputs
    held = outputs.numpy()
    with tempfile.TemporaryFile() as file:
        out = np.memmap(file, held.dtype, "w+", shape=held.shape)
    out[:] = held
    return torch.from_numpy(out)
