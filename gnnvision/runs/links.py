"""Links for a network: the most probable ones that are not known, or pairs of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import LinkTask, Task, rank_links
from gnnvision.errors import invalid
from gnnvision.explain import hooked
from gnnvision.layers import PairReadout
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating
from gnnvision.runs.inputs import Block, Input, Reader, refuse_options

__all__ = ["LinkReader"]

_TOP = 100


class LinkReader(Reader):
    """Reads pairs of nodes of a run's graph; without any, finds the most probable new links.

    Args:
        about: the description of the run in its checkpoint.
        device: where the network runs.
        task: loads the task of the run.
        network: a network of the run, which ranks the links.
    """

    kind = "link"
    id_name = "source"

    def __init__(
        self, about: Mapping[str, Any], device: str, task: Callable[[], Task], network: nn.Module
    ) -> None:
        super().__init__(about, device)
        self._task, self._network = task, network

    @property
    def task(self) -> LinkTask:
        """The task of the run, on the device of the network."""
        task = self._task().to(self.device)
        assert isinstance(task, LinkTask)
        return task

    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """Pairs, the links of some nodes, or of all; see `Run.predict`."""
        refuse_options(options, (), "link")
        listed = None if inputs is None else self._listed(inputs)
        task = self.task
        if listed is not None and all(_is_pair(item) for item in listed):
            found = rank_links(self._network, task, pairs=[self._pair(item) for item in listed])
        else:
            nodes = None if listed is None else [self.index(item) for item in listed]
            found = rank_links(self._network, task, top=_TOP, nodes=nodes)
        ends = {"source": 0, "target": 1}
        return iter([
            Block(
                [str(pair[0]) for pair in found.names],
                [""] * len(found),
                task.x if len(found) else None,
                task.known.with_pairs(found.pairs.to(task.y.device)),
                before={side: [str(pair[n]) for pair in found.names] for side, n in ends.items()},
                after={"known link": ["yes" if k else "no" for k in found.is_known.tolist()]},
            )
        ])  # fmt: skip

    def _listed(self, inputs: Any) -> list[Any]:  # noqa: ANN401
        if isinstance(inputs, Tensor):
            return [tuple(pair) for pair in inputs.T.tolist()]
        one = isinstance(inputs, tuple) and _is_pair(inputs) and not _is_pair(inputs[0])
        return [inputs] if one or isinstance(inputs, (str, int)) else list(inputs)

    def index(self, name: Any) -> Any:  # noqa: ANN401
        """The node of this name, as the graph has it.

        Raises:
            ValueError: if there is none.
        """
        names = self.task.known.node_names or range(self.task.known.num_nodes)
        for known in names:
            if known == name or str(known) == str(name):
                return known
        got = repr(str(name))
        raise invalid("input", f"be a node of {self.title}", got, "Give an id of the training.")

    def _pair(self, item: Any) -> tuple[Any, Any]:  # noqa: ANN401
        return self.index(item[0]), self.index(item[1])

    def embed(self, network: nn.Module, nodes: Any) -> Tensor:  # noqa: ANN401
        """What the readout of pairs reads: an embedding of each node.

        Args:
            network: of the run.
            nodes: their names; None for all in the order of the graph.

        Raises:
            ValueError: if the network has no `PairReadout`, or a node is unknown.
        """
        heads = [module for module in network.modules() if isinstance(module, PairReadout)]
        if not heads:
            got = type(network).__name__
            raise invalid("run", "end in a PairReadout", got, "Name a layer of it.")
        seen: list[Tensor] = []
        task = self.task
        with hooked(heads, lambda module, given, output: seen.append(given[0])):
            with evaluating(network), torch.no_grad():
                call(network, task.x, task.known.with_pairs(task.pairs[:, :1]))
        rows = seen[0].float().cpu()
        if nodes is None:
            return rows
        names = list(task.known.node_names or range(task.known.num_nodes))
        return rows[[names.index(self.index(node)) for node in self._listed(nodes)]]

    def read(self, names: Sequence[Any]) -> Iterator[Input]:
        """One pair for each, as two ids or as a text of two ids with a comma."""
        task = self.task
        known = list(task.known.node_names or range(task.known.num_nodes))
        for item in names:
            pair = item.split(",") if isinstance(item, str) else item
            if not isinstance(pair, Sequence) or len(pair) != 2:
                advice = "Write for example 'a,b' or ('a', 'b')."
                raise invalid("input", "be a pair of nodes", repr(item), advice)
            ends = [self.index(end.strip() if isinstance(end, str) else end) for end in pair]
            both = torch.tensor([[known.index(end)] for end in ends], device=task.y.device)
            name = f"link {ends[0]} to {ends[1]}"
            yield Input(name, task.x, task.known.with_pairs(both))

    def describe(self, inputs: Any) -> dict[str, str]:  # noqa: ANN401
        """The size of the graph."""
        graph = self.task.known
        text = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} directed edges"
        ranked = {"links": f"the {_TOP} most probable that are not known"}
        return {"graph": text} | (ranked if inputs is None else {})


def _is_pair(item: object) -> bool:
    return isinstance(item, (tuple, list)) and len(item) == 2
