"""Our neighbor sampling under torch-geometric's own loaders, without pyg-lib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from gnnvision._extras import require_extra
from gnnvision.domains import Graph, StoredGraph
from gnnvision.domains.frontier import incoming
from gnnvision.domains.sampling import Integers, Step, draw, enclosed, sampled
from gnnvision.domains.stored import key_of, naming_damage
from gnnvision.errors import integer, invalid, one_of, wrong_type

if TYPE_CHECKING:
    from torch_geometric.data import Data
    from torch_geometric.sampler import (
        EdgeSamplerInput,
        NegativeSampling,
        NodeSamplerInput,
        SamplerOutput,
    )

__all__ = ["NeighborSampler"]

_ODD = 0x9E3779B97F4A7C15


class NeighborSampler:
    """Neighbors drawn without replacement, for torch-geometric's `NodeLoader` and `LinkLoader`.

    It is a `torch_geometric.sampler.BaseSampler`. As torch-geometric's sampler of the same name,
    which needs pyg-lib, it gives each node its edges once, in the hop after the one that finds
    it. The batches have the numbers of nodes and edges of each hop, for `trim_to_layer`.

    What is drawn depends on `seed` and on how many batches were drawn before. In the worker
    processes of a loader it also depends on the loader's `generator`, or `torch.manual_seed`, so
    that it differs from epoch to epoch.

    Args:
        graph: the graph, or torch-geometric's `Data`. Edges have their numbers in its order, so
            that a loader of the same `Data` takes the right attributes. To the loader of a
            StoredGraph pass `Data(x=x, y=y, edge_index=torch.empty(2, 0, dtype=torch.int64))`.
        fanouts: how many edges a node gets in each hop, first those of the seed nodes; -1 for
            all. torch-geometric's `num_neighbors`.
        seed: determines what is drawn; torch's default generator if None.
        disjoint: whether the nodes of each seed node are apart; `batch` says which it is.
        subgraph_type: "directional" for the edges drawn; "bidirectional" for those and their
            reverses; "induced" for all edges between the nodes found.

    Raises:
        TypeError: if the graph is none of these, as with several types of nodes.
        ValueError: if a fanout is 0 or below -1, or `disjoint` is combined with "induced".

    Example:
        >>> from torch_geometric.data import Data
        >>> from torch_geometric.loader import NodeLoader
        >>> data = Data(x=torch.eye(3), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> sampler = NeighborSampler(data, fanouts=(2, 2), seed=0)
        >>> batch = next(iter(NodeLoader(data, sampler, input_nodes=torch.tensor([2]))))
        >>> batch.n_id.tolist(), batch.num_sampled_nodes
        ([2, 1, 0], [1, 1, 1])
    """

    def __init__(
        self,
        graph: Graph | StoredGraph | Data,
        fanouts: Sequence[int],
        *,
        seed: int | None = None,
        disjoint: bool = False,
        subgraph_type: Literal["directional", "bidirectional", "induced"] = "directional",
    ) -> None:
        require_extra("pyg", "NeighborSampler")
        from torch_geometric.data import Data
        from torch_geometric.sampler import BaseSampler

        BaseSampler.register(NeighborSampler)  # not a base class: it is imported here alone
        self.fanouts, _ = key_of(None, fanouts, None, 0)
        self.seed = None if seed is None else integer("seed", seed, 0)
        self.disjoint = disjoint
        self.subgraph_type = getattr(subgraph_type, "value", subgraph_type)
        one_of("subgraph_type", self.subgraph_type, ("directional", "bidirectional", "induced"))
        if disjoint and self.subgraph_type == "induced":
            advice = "Use disjoint=False, or another subgraph_type."
            raise invalid("subgraph_type", "not be 'induced' if disjoint", "'induced'", advice)
        self.order: Tensor | None = None  # the number of each edge by target
        if isinstance(graph, Data) and not {"adj", "adj_t"} & set(graph.keys()):
            edge_index = graph.edge_index
            no_edges = torch.empty(2, 0, dtype=torch.int64)
            graph = Graph(no_edges if edge_index is None else edge_index, graph.num_nodes)
        if isinstance(graph, Graph):
            self.order = incoming(graph)[0].cpu()
            graph = graph.by_target
        if not isinstance(graph, StoredGraph):
            condition = "be a Graph, a StoredGraph or a Data with an edge_index"
            raise wrong_type("graph", condition, graph, "Nodes and edges of one type only.")
        self.graph = StoredGraph(graph.rowptr, graph.source)
        self._drawn: tuple[int, torch.Generator] | None = None

    def sample_from_nodes(self, inputs: NodeSamplerInput, **_: Any) -> SamplerOutput:  # noqa: ANN401
        """The nodes and edges that some seed nodes reach.

        Args:
            inputs: the seed nodes; several may be equal.

        Raises:
            ValueError: if one is out of range, or if they have times.
        """
        from torch_geometric.sampler.neighbor_sampler import node_sample

        _refuse_times(inputs)
        key = self._key()
        out = node_sample(inputs, lambda nodes, _: self._sample(nodes, key))
        return self._both_ways(out)

    def sample_from_edges(
        self, inputs: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None
    ) -> SamplerOutput:
        """The nodes and edges that the ends of some links reach, and of random negative ones.

        Args:
            inputs: the links.
            neg_sampling: how many negative ones, and of which kind.

        Raises:
            ValueError: if an end is out of range, or if the links have times.
        """
        from torch_geometric.sampler.neighbor_sampler import edge_sample

        _refuse_times(inputs)
        key = self._key()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(key)  # for the negative ones
            out = edge_sample(
                inputs,
                lambda nodes, _: self._sample(nodes, key),
                self.graph.num_nodes,
                self.disjoint,
                neg_sampling=neg_sampling,
            )
        return self._both_ways(out)

    @property
    def edge_permutation(self) -> None:
        """None: edges have their numbers in the order of the graph."""
        return

    def _key(self) -> int:
        if self.seed is None:
            return int(torch.randint(2**62, ()))
        worker = get_worker_info()
        start = 0 if worker is None else worker.seed  # another one in each epoch
        if self._drawn is None or self._drawn[0] != start:
            generator = torch.Generator().manual_seed((self.seed * _ODD + start) % 2**63)
            self._drawn = start, generator
        return int(torch.randint(2**62, (), generator=self._drawn[1]))

    def _sample(self, nodes: Tensor, key: int) -> SamplerOutput:
        """What some nodes reach, in torch-geometric's form."""
        n, seeds = self.graph.num_nodes, nodes.long().numpy()
        if len(seeds) and not 0 <= seeds.min() <= seeds.max() < n:
            got = int(seeds.min()) if seeds.min() < 0 else int(seeds.max())
            raise invalid("input_nodes", f"be from 0 to {n - 1}", got, "Pass nodes of the graph.")
        if self.disjoint:
            found, sizes, steps = _apart(self.graph, seeds, self.fanouts, key)
        else:
            arrays = self.graph.arrays
            with naming_damage():
                order, sizes, steps = sampled(*arrays, seeds, self.fanouts, key, once=True)
            found = order.numpy()
        from torch_geometric.sampler import SamplerOutput

        firsts = [0, *sizes]  # of the targets of each step
        per_hop: dict[str, list[int]] = {
            "num_sampled_nodes": np.diff(sizes, prepend=0).tolist(),
            "num_sampled_edges": [step.source.numel() for step in steps],
        }
        if self.subgraph_type == "induced":
            steps, per_hop = [enclosed(*self.graph.arrays, found)], {}
        none = torch.empty(0, dtype=torch.int64)
        row = torch.cat([none, *(step.source for step in steps)])
        edge = torch.cat([none, *(step.edge for step in steps)])
        col = torch.cat(
            [none, *(start + _targets(step) for start, step in zip(firsts, steps, strict=False))]
        )
        return SamplerOutput(
            node=torch.from_numpy(found % n if self.disjoint else found),
            row=row,
            col=col,
            edge=edge if self.order is None else self.order[edge],
            batch=torch.from_numpy(found // n) if self.disjoint else None,
            **per_hop,
        )

    def _both_ways(self, out: SamplerOutput) -> SamplerOutput:
        return out.to_bidirectional() if self.subgraph_type == "bidirectional" else out


def _targets(step: Step) -> Tensor:
    rows = torch.arange(len(step.rowptr) - 1)
    return rows.repeat_interleave(step.rowptr.diff(), output_size=step.source.numel())


def _apart(
    graph: StoredGraph, seeds: Integers, fanouts: Sequence[int], key: int
) -> tuple[Integers, list[int], list[Step]]:
    """As `sampled`, with the nodes of each seed apart; node v of seed i is i N + v."""
    rowptr, source, _ = graph.arrays
    n = graph.num_nodes
    found = newest = np.arange(len(seeds)) * n + seeds
    sizes, steps = [len(found)], []
    for hop, fanout in enumerate(fanouts):
        edges, ends = draw(rowptr, newest % n, fanout, key + hop)
        sources = np.repeat(newest // n * n, np.diff(ends)) + source[edges]
        known, first, number = np.unique(
            np.concatenate([found, sources]), return_index=True, return_inverse=True
        )
        order = first.argsort()  # in which they are found
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        at = rank[number][len(found) :]
        newest = known[order][len(found) :]
        found = np.concatenate([found, newest])
        sizes.append(len(found))
        first_edge, row, edge = map(torch.from_numpy, (ends, at, edges))
        steps.append(Step(first_edge, row, edge, None))
    return found, sizes, steps


def _refuse_times(inputs: NodeSamplerInput | EdgeSamplerInput) -> None:
    if inputs.time is not None:
        advice = "Leave out input_time or edge_label_time: neighbors are not chosen by time."
        raise invalid("inputs", "have no times", "times", advice)
