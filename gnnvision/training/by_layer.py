"""The outputs of a network at the nodes of a large graph, exactly, in bounded memory.

The frontier of many nodes is soon the whole graph, with the signals of all layers in memory. Here
the network is run once for each of its convolutions: the output of that one is computed at the
nodes that need it, block by block, and stored; those of the convolutions before it are looked up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.data.ahead import made_ahead
from gnnvision.domains import Domain, Frontier, Graph, StoredGraph
from gnnvision.domains.batches import ranges
from gnnvision.domains.checks import Indices, to_indices
from gnnvision.domains.device import send
from gnnvision.domains.sampling import Step
from gnnvision.layers import Convolution, EdgeConv
from gnnvision.layers.calling import call, one_tensor
from gnnvision.layers.hooks import evaluating

__all__ = ["hops_of_layers", "outputs_by_layer"]

INPUT = -1  # the number of the features of the nodes, as of a convolution before the first
_SOME = 2  # nodes that a network is tried on
_FAR = 64  # more hops than the convolutions of a network reach together
_COPIES = 4  # of a block's signals that are in memory at the same time, roughly
_BYTES = 4  # of a value
_EDGES = 1 << 22  # at a time, where neighbors are only counted
Rows = Callable[[Tensor], Tensor]


class _Computed(Exception):
    """Raised with the output of the convolution that is wanted."""

    def __init__(self, output: Tensor) -> None:
        self.output = output


class _Stage(NamedTuple):
    """A call of a convolution; or the output of the network, which reaches no further.

    Args:
        hops: how far it reaches.
        channels: of its output.
        dtype: of its output.
        needs: the earlier calls whose outputs it depends on, and `INPUT` for the features.
    """

    hops: int
    channels: int
    dtype: torch.dtype
    needs: frozenset[int]


def outputs_by_layer(
    model: nn.Module,
    rows: Rows,
    graph: Graph | StoredGraph,
    nodes: Indices | None = None,
    *,
    device: torch.device | str = "cpu",
    memory: int = 2**30,
) -> Tensor:
    """The outputs of a network in evaluation mode, equal to those on the whole graph.

    Between its convolutions the network may do anything to each node by itself: activations,
    normalization by stored statistics, skip connections, sums over layers.

    Args:
        model: the network, on `device`.
        rows: the features of some nodes. Shape (n,) -> (n, C).
        graph: the graph.
        nodes: the nodes whose outputs are wanted, distinct; all if None.
        device: where the network runs.
        memory: about how many bytes the signals of a block may take. What the convolutions give
            is held in memory up to this size, and in temporary files beyond it.

    Returns:
        The outputs, on the CPU. Shape (n, num_outputs).

    Raises:
        TypeError: if a layer needs the whole graph, such as a readout.

    Example:
        >>> import gnnvision as gv
        >>> task = gv.data.load("karate")
        >>> model = gv.models.gcn(task.in_channels, 8, task.num_classes)
        >>> outputs_by_layer(model, task.rows, task.graph, [0, 5]).shape
        torch.Size([2, 2])
    """
    stored = graph if isinstance(graph, StoredGraph) else graph.by_target
    everything = range(stored.num_nodes) if nodes is None else nodes
    wanted = to_indices(everything, stored.num_nodes, "nodes", "nodes")
    with evaluating(model), torch.no_grad():
        network = _Network(model, rows, stored, torch.device(device))
        stages = network.stages
        order, sizes = _needed(stored, wanted, [stage.hops for stage in stages])
        place = torch.full((stored.num_nodes,), -1, dtype=torch.int32)
        place[order] = torch.arange(len(order), dtype=torch.int32)
        most = memory // (_BYTES * _COPIES * (network.width + sum(s.channels for s in stages)))
        outputs: dict[int, Tensor] = {}
        for number, (stage, size) in enumerate(zip(stages, sizes, strict=True)):
            outputs[number] = _room(size, stage, memory)
            blocks = _blocks(stored, order[:size], stage.hops, most)
            network.run(number, blocks, outputs, place)
            later = frozenset[int]().union(*(s.needs for s in stages[number + 1 :]))
            for old in [n for n in outputs if n not in later and n < len(stages) - 1]:
                del outputs[old]
    return outputs[len(stages) - 1]


def hops_of_layers(model: nn.Module, rows: Rows, graph: StoredGraph) -> list[int]:
    """How many hops each convolution of a network reaches, in the order of their calls.

    Args:
        model: the network, on the CPU or a GPU.
        rows: the features of some nodes.
        graph: the graph.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with evaluating(model), torch.no_grad():
        return [stage.hops for stage in _Network(model, rows, graph, device).stages[:-1]]


class _Network:
    """A network whose convolutions are computed one by one.

    Args:
        model: the network.
        rows: the features of some nodes.
        graph: the graph.
        device: of the network.
    """

    def __init__(
        self, model: nn.Module, rows: Rows, graph: StoredGraph, device: torch.device
    ) -> None:
        self.model, self.rows, self.graph, self.device = model, rows, graph, device
        self.modules: list[nn.Module] = []
        inside: set[int] = set()
        for module in model.modules():
            if id(module) not in inside and isinstance(module, (Convolution, EdgeConv)):
                self.modules.append(module)
                inside |= {id(m) for m in module.modules()}
        # With edges, so that what they lead to depends on the nodes.
        fed = (graph.rowptr[: _EDGES + 1].diff() > 0).nonzero().squeeze(1)[:_SOME]
        self.nodes = fed if len(fed) else torch.arange(min(_SOME, graph.num_nodes))
        self.width = self.rows(self.nodes[:1]).shape[1]
        self.stages: list[_Stage] = []  # the calls in their order, then the output
        self._try()

    def _try(self) -> None:
        """Find the stages by running the network on some nodes."""
        hops: list[int] = []
        given: list[Tensor] = []

        def compute(module: nn.Module, forward: Callable[..., Tensor], x: Tensor) -> Tensor:
            far = self._closed(self.nodes)
            there: Domain = module.out_domain(far)  # type: ignore[operator]
            assert isinstance(there, Frontier)
            hops.append(far.hops - there.hops)
            y = forward(x, self._ring(hops[-1]))
            given.append(torch.randn(y.shape).to(y))
            return y

        x = self.rows(self.nodes).to(self.device)
        x = x.to_dense() if x.layout is not torch.strided else x
        with self._calling(compute):
            given.append(one_tensor(call(self.model, x, self._closed(self.nodes)), self.model))
        hops.append(0)
        for number, like in enumerate(given):
            here = self._ring(hops[number])
            sources = {INPUT: x} | dict(enumerate(given[:number]))
            needs = frozenset(n for n in sources if self._depends(number, n, sources, here))
            dtype = torch.float32 if like.dtype is torch.bfloat16 else like.dtype
            self.stages.append(_Stage(hops[number], like.shape[1], dtype, needs))

    def _depends(
        self, number: int, source: int, sources: Mapping[int, Tensor], here: Frontier
    ) -> bool:
        """Whether what a call gives depends on the features, or on an earlier call."""
        lost = {source: sources[source] * torch.nan}
        try:
            return bool(self._output(number, here, {**sources, **lost}).isnan().any())
        except ValueError:  # of a layer that refuses NaN
            return True

    def run(
        self, number: int, blocks: Sequence[Tensor], outputs: Mapping[int, Tensor], place: Tensor
    ) -> None:
        """Compute what one of the calls gives, block by block.

        Args:
            number: of the call.
            blocks: the nodes to compute it at.
            outputs: what each call gives, of which this one is written.
            place: the row of each node in these. Shape (N,).
        """
        hops, _, _, needs = self.stages[number]

        def prepare(nodes: Tensor) -> tuple[Frontier, dict[int, Tensor]]:
            here = self.graph.frontier(nodes, hops)
            at = place[here.nodes].long()
            held = {n: outputs[n][at] for n in needs if n != INPUT}
            if INPUT in needs and self.device.type == "cpu":
                held[INPUT] = self.rows(here.nodes)
            return here, held

        start = 0
        for here, held in made_ahead(prepare, blocks, depth=1):
            sources = {n: send(signal, self.device) for n, signal in held.items()}
            if INPUT in needs and INPUT not in sources:
                sources[INPUT] = self.rows(here.nodes)
            y = self._output(number, here.to(self.device), sources)
            stop = start + here.wanted.numel()
            outputs[number][start:stop] = y[: stop - start].cpu()
            start = stop

    def _output(self, number: int, here: Frontier, sources: Mapping[int, Tensor]) -> Tensor:
        """What a call gives on a frontier.

        Args:
            number: of the call.
            here: the frontier of its input.
            sources: the features and what the earlier calls give there, if it depends on them.
        """
        count = -1

        def compute(module: nn.Module, forward: Callable[..., Tensor], x: Tensor) -> Tensor:
            nonlocal count
            count += 1
            if count == number:
                raise _Computed(forward(x, here))
            return source(count, self.stages[count].channels)

        def source(n: int, channels: int) -> Tensor:
            blank = torch.zeros(1, 1, device=self.device)
            return sources[n] if n in sources else blank.expand(here.num_nodes, channels)

        with self._calling(compute):
            try:
                x = source(INPUT, self.width)
                return one_tensor(call(self.model, x, self._closed(here.nodes)), self.model)
            except _Computed as computed:
                return computed.output

    def _closed(self, nodes: Tensor) -> Frontier:
        """Some nodes as a domain on which a signal has a row for each, at all layers."""
        return Frontier(self.graph, nodes.to(self.device), (len(nodes),) * (_FAR + 1))

    def _ring(self, hops: int) -> Frontier:
        """The nodes that are tried, as a frontier in which each gets an edge from the next one."""
        count = len(self.nodes) if self.graph.num_edges else 0
        ends = torch.arange(len(self.nodes) + 1).clamp(max=count)
        edges = torch.zeros(count, dtype=torch.int64)
        step = Step(ends, torch.arange(count).roll(-1), edges, None)
        sizes = (len(self.nodes),) * (hops + 1)
        return Frontier(self.graph, self.nodes, sizes, [step] * hops).to(self.device)

    @contextmanager
    def _calling(self, compute: Callable[..., Tensor]) -> Iterator[None]:
        """A context in which this function computes the convolutions."""

        def replace(module: nn.Module) -> None:
            forward, inside = module.forward, False

            def called(x: Tensor, domain: Domain | None = None) -> Tensor:
                nonlocal inside
                if inside:  # a layer that calls itself on the edges of a frontier
                    again: Tensor = forward(x, domain)
                    return again
                inside = True
                try:
                    return compute(module, forward, x)
                finally:
                    inside = False

            module.__dict__["forward"] = called

        for module in self.modules:
            replace(module)
        try:
            yield
        finally:
            for module in self.modules:
                del module.__dict__["forward"]


def _needed(graph: StoredGraph, wanted: Tensor, hops: Sequence[int]) -> tuple[Tensor, list[int]]:
    """The nodes at which each call of a network must be computed: the first ones of an order.

    Args:
        graph: the graph.
        wanted: the nodes whose outputs are wanted.
        hops: how far each call reaches.

    Returns:
        The order, and how many of the nodes in it each call needs.
    """
    seen = torch.zeros(graph.num_nodes, dtype=torch.bool)
    seen[wanted] = True
    found, newest, total = [wanted], wanted, len(wanted)
    sizes: list[int] = []
    for number in range(len(hops) - 1, -1, -1):
        sizes.insert(0, total)
        for _ in range(hops[number] if number else 0):  # those of the features are all there
            reached = torch.zeros_like(seen)
            for block in _blocks(graph, newest, 1, _EDGES):
                ends = graph.rowptr[block]
                degrees = graph.rowptr[block + 1] - ends
                reached[graph.source[ranges(ends, degrees, int(degrees.sum()))].long()] = True
            newest = (reached & ~seen).nonzero().squeeze(1)
            seen |= reached
            found.append(newest)
            total += len(newest)
    return torch.cat(found), sizes


def _blocks(graph: StoredGraph, nodes: Tensor, hops: int, most: int) -> list[Tensor]:
    """The nodes in blocks of which about `most` nodes are within some hops."""
    mean = max(graph.num_edges / max(graph.num_nodes, 1), 1.0)
    degrees = graph.rowptr[nodes + 1] - graph.rowptr[nodes]
    each = 1 + (degrees * mean ** (hops - 1) if hops else torch.zeros(len(nodes)))
    ends = each.double().cumsum(0).numpy()
    cuts = np.searchsorted(ends, np.arange(most, ends[-1] if len(ends) else 0, most), "right")
    edges = np.unique([0, *cuts, len(nodes)])
    return [nodes[start:stop] for start, stop in pairwise(edges.tolist())]


def _room(size: int, stage: _Stage, memory: int) -> Tensor:
    """An array for the outputs of a call; a file that is deleted when it is not used any more."""
    dtype = torch.empty(0, dtype=stage.dtype).numpy().dtype
    if size * stage.channels * dtype.itemsize <= memory:
        return torch.empty(size, stage.channels, dtype=stage.dtype)
    with tempfile.TemporaryFile() as file:
        held = np.memmap(file, dtype, "w+", shape=(size, stage.channels))
    return torch.from_numpy(held)
