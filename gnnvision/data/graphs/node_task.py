"""A task on the nodes of one graph: a label for each node, and features and edges of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import (
    ALONE,
    Share,
    check_batches,
    check_tensors,
    own_part,
    refuse_share,
    split_into_batches,
)
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.graphs.graph_task import graph_tensors
from gnnvision.data.graphs.sampled_nodes import (
    BATCH,
    Held,
    Loader,
    cluster_batches,
    loaded_batches,
    sampled_batches,
)
from gnnvision.data.moments import target_moments
from gnnvision.data.split import Split, random_node_split
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Graph, StoredGraph
from gnnvision.domains.device import full_device
from gnnvision.domains.stored import key_of
from gnnvision.errors import integer, invalid
from gnnvision.layers.missing import check_given, mark_complete

__all__ = ["NodeTask"]

EVALUATION_KEY = 0  # of the neighbors that are drawn for validation: the same in all epochs
MOST_COMPUTED = 0.9  # of the rows of all layers; beyond it the whole graph takes no longer


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeTask(Task):
    """Classification or regression of the nodes of one graph (transductive).

    The graph may be the disjoint union of several (`Graph.batch`), or a `StoredGraph`, whose
    edges and features may be files; what is read of them is then moved to the device.

    Args:
        x: Node features, dense or sparse COO. Shape (N, C).
        graph: The graph.
        y: The targets. Classes: int64 (N,), -100 if unlabeled. Regression and multi-label tasks:
            floating point (N, num_outputs), NaN where a target is missing.
        splitter: A function from a seed to a split; None if there is only one split.
        encoder: The encoder of the columns that the features are made of, if any.
        tables: The columns of the tables of nodes and edges that were read, if any.
        hops: How many hops the output of a network depends on; None for the whole graph. The
            batch of a split is then its frontier (`Graph.frontier`), where that is smaller than
            the graph: a network gives the same outputs, and computes only those.
        fanouts: In place of `hops`, how many neighbors a node gets in each hop, drawn at random,
            as in `Graph.frontier`: the batches are then frontiers of some nodes of a split.
        clusters: In place of both, into how many clusters the nodes are divided, and how many of
            them are a batch: all their nodes, and the edges between them.
        loader: What draws the neighbors for training in place of gnnvision, with `fanouts`: called
            in each epoch with the training nodes in their order, the fanouts, the size of a batch
            and a seed, it returns an iterable of mini-batches as torch-geometric's
            `NeighborLoader` has them, whose wanted nodes are these, batch by batch.
        device: Where the batches of a `StoredGraph` go.

    Raises:
        ValueError: The sizes of features, graph, labels and split do not match.
    """

    item_kind = "node"

    x: Tensor
    graph: Graph | StoredGraph
    y: Tensor
    splitter: Callable[[int], Split] | None = None
    encoder: ColumnEncoder | None = field(default=None, repr=False)
    tables: Mapping[str, Any] | None = field(default=None, repr=False)
    hops: int | None = field(default=None, repr=False)
    fanouts: Sequence[int] | None = field(default=None, repr=False)
    clusters: tuple[int, int] | None = field(default=None, repr=False)
    loader: Loader | None = field(default=None, repr=False)
    device: torch.device = field(default=torch.device("cpu"), repr=False)
    _batch: dict[str, tuple[Tensor, Domain, Tensor]] = field(init=False, repr=False)
    _known: dict[str, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, y=self.y)
        n = self.graph.num_nodes
        if tuple(self.x.shape) != (n, self.in_channels):
            raise invalid(
                "x",
                f"have shape (N={n}, in_channels={self.in_channels})",
                tuple(self.x.shape),
                "Pass one row for each node of the graph.",
            )
        labels = self.kind not in ("regression", "multilabel")
        shape = (n,) if labels else (n, self.num_outputs)
        fits = self.y.dtype == torch.int64 if labels else self.y.is_floating_point()
        if tuple(self.y.shape) != shape or not fits:
            got = f"{self.y.dtype} of shape {tuple(self.y.shape)}"
            if labels:
                condition = f"be int64 of shape (N={n},)"
                advice = "Pass one label for each node, -100 for an unlabeled node."
            else:
                condition = f"be floating point of shape (N={n}, num_outputs={self.num_outputs})"
                advice = "Pass one row for each node, NaN for a missing target."
            raise invalid("y", condition, got, advice)
        self.split.check(n)
        if self.clusters is not None and (self.fanouts, self.hops) != (None, None):
            advice = "Leave out hops and fanouts."
            raise invalid("clusters", "be given alone", self.clusters, advice)
        if self.fanouts is not None:
            fanouts, _ = key_of(self.hops, self.fanouts, None, 0)
            object.__setattr__(self, "fanouts", tuple(fanouts))
        if self.hops is not None:
            integer("hops", self.hops, 0, "Give the number of graph convolutions, or None.")
        object.__setattr__(self, "_batch", {})
        object.__setattr__(self, "_known", {})
        super().__post_init__()

    def _contents(self) -> Mapping[str, Tensor]:
        return {"x": self.x, "y": self.y} | graph_tensors(self.in_memory)

    @property
    def _targets(self) -> Tensor:
        return self.y

    @property
    def in_memory(self) -> Graph:
        """The graph, if it is not a `StoredGraph`.

        Raises:
            ValueError: if it is.
        """
        if isinstance(self.graph, StoredGraph):
            got = f"one of {self.graph.num_nodes:,} nodes by target"
            advice = "Use gnnvision.Graph.from_stored(task.graph) if that fits into memory."
            raise invalid("graph", "be held in memory for this", got, advice)
        return self.graph

    def overview(self) -> dict[str, str]:
        """The summary of every task, and the size of the graph."""
        graph = self.graph
        edges = graph.num_edges // (2 if graph.is_undirected else 1)
        size = f"{graph.num_nodes:,} nodes, {edges:,} edges, {self.in_channels:,} features each"
        known = super().overview()
        return {"data": known.pop("data"), "graph": size, **known}

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The whole graph as one batch; labels of nodes outside the split are -100.

        With `hops` it is the frontier of the nodes of the split whose label is known, sorted,
        and their labels alone. Every call yields the same tensors, so nothing is copied from
        epoch to epoch.

        With `clusters` the batches are some clusters each, those of the training split others in
        each epoch; labels of nodes outside the split are -100. Batches without a known label
        are left out.

        With `fanouts` there are several batches of such nodes, each with new neighbors in each
        epoch of the training split, and with the same ones for the others.

        Args:
            split: "train", "val" or "test".
            batch_size: With `fanouts`, the nodes whose output is wanted in a batch; None for
                1,024. Otherwise ignored: a node needs its neighbors, so the whole graph is one
                batch.
            generator: With `fanouts`, shuffles the training split and draws the neighbors, with
                `clusters` shuffles those; None does neither anew. Otherwise ignored: there is
                nothing to shuffle.
            epoch: Ignored: what is drawn depends on the generator alone.
            share: See `Task.batches`; it needs `fanouts`.

        Raises:
            ValueError: `split` is not one of these, the batch size is not positive, the graph
                is a `StoredGraph` and there are no `fanouts` or `clusters`, or processes are to
                share batches that have no `fanouts`.
        """
        drawn_elsewhere = self.loader is not None and split == "train"
        if self.fanouts is None or drawn_elsewhere:
            refuse_share(share)
        if self.clusters is not None:
            check_batches(split, None, "nodes")
            order = generator if split == "train" else None
            y = self._only(self.known(split))
            held = Held(self._read, y, self._there)
            return cluster_batches(self.graph, held, *self.clusters, order)
        if self.fanouts is None:
            check_batches(split, None, "nodes")
            return iter((self._batch_of(split),))
        check_batches(split, batch_size, "nodes")
        held = Held(self._read, self.y, self._there)
        nodes, key, size = self.known(split), EVALUATION_KEY, batch_size or BATCH
        if split == "train" and generator is not None:
            nodes = nodes[torch.randperm(len(nodes), generator=generator)]
            key = int(torch.randint(2**62, (), generator=generator))
        if drawn_elsewhere:
            assert self.loader is not None
            found = self.loader(nodes, self.fanouts, size, key)
            return loaded_batches(self.graph, held, found)
        if split == "train" and generator is not None:
            batches = split_into_batches(nodes, size, share[1])
            batches = [batch[own_part(len(batch), share)] for batch in batches]
        else:
            batches = split_into_batches(nodes[own_part(len(nodes), share)], size)
        return sampled_batches(self.graph, held, batches, self.fanouts, key)

    def _batch_of(self, split: SplitName) -> tuple[Tensor, Domain, Tensor]:
        if split not in self._batch:
            self._batch[split] = self._frontier(split) or self._whole(split)
        return self._batch[split]

    def known(self, split: SplitName) -> Tensor:
        """The nodes of a split with a known target, sorted, on the CPU."""
        if split not in self._known:
            self._known[split] = self._find_known(split)
        return self._known[split]

    def _find_known(self, split: SplitName) -> Tensor:
        nodes = torch.from_numpy(np.sort(getattr(self.split, split)))
        y = self.y[nodes.to(self.y.device)].cpu()
        return nodes[y != UNLABELED if y.dtype is torch.int64 else ~y.isnan().all(1)]

    def _whole(self, split: SplitName) -> tuple[Tensor, Domain, Tensor]:
        if isinstance(self.graph, StoredGraph):
            advice = "Train with Recipe(fanouts=(15, 10)), one number for each convolution."
            got = f"None for a graph of {self.graph.num_nodes:,} nodes by target"
            raise invalid("fanouts", "be given for a stored graph", got, advice)
        nodes = torch.from_numpy(np.array(getattr(self.split, split))).to(self.y.device)
        return self.x, self.graph, self._only(nodes)

    def _only(self, nodes: Tensor) -> Tensor:
        """The targets with those of other nodes missing."""
        missing = UNLABELED if self.y.dtype is torch.int64 else math.nan
        target, nodes = torch.full_like(self.y, missing), nodes.to(self.y.device)
        target[nodes] = self.y[nodes]
        return target

    @property
    def is_sampled(self) -> bool:
        """Whether a batch has a part of the graph, drawn at random."""
        return self.fanouts is not None or self.clusters is not None

    def _frontier(self, split: SplitName) -> tuple[Tensor, Domain, Tensor] | None:
        """The batch of the nodes that a split depends on; None if these are nearly all."""
        if self.hops is None or not len(known := self.known(split)):
            return None
        frontier = self.graph.frontier(known, self.hops)
        # Of all hops together: the last ones may reach everything, the first ones few nodes.
        computed = sum(frontier.sizes[: self.hops + 1])
        if computed > MOST_COMPUTED * self.graph.num_nodes * (self.hops + 1):
            return None
        return self.rows(frontier.nodes), frontier, self.y[frontier.wanted]

    def rows(self, nodes: Tensor) -> Tensor:
        """The features of some nodes, in their order.

        Args:
            nodes: indices from 0. Shape (n,).
        """
        return self._read(nodes).to(self._there)

    def _read(self, nodes: Tensor) -> Tensor:
        """The features of some nodes, where they lie."""
        x = self.x.index_select(0, nodes.to(self.x.device))
        if x.dtype is torch.float16:  # in which the features of large graphs are stored
            return x.float()
        x = x.coalesce() if x.layout is torch.sparse_coo else x
        if x.device.type == "cpu" or not x.is_floating_point():
            return x
        check_given(self.x)  # once, as the host waits for it
        return mark_complete(x)

    @property
    def _there(self) -> torch.device:
        """The device of a network."""
        return self.device if isinstance(self.graph, StoredGraph) else self.x.device

    def is_labeled(self, split: SplitName) -> bool:
        """Whether the batch of a split has only nodes with a known class, as a frontier has."""
        if self.y.dtype is not torch.int64 or self.clusters is not None:
            return False
        if self.fanouts is not None:
            return True
        return self._batch_of(split)[1] is not self.graph

    @property
    def target_statistics(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training targets; None for classes and labels.

        The standard deviation of a constant target is 1. Shapes (num_outputs,).
        """
        if self.kind != "regression":
            return None
        return target_moments(self.y, self.split.train)

    def input_description(self) -> dict[str, Any]:
        """The encoder of the features and the columns of the tables, which new nodes need."""
        if self.tables is None:
            return {}
        encoder = None if self.encoder is None else self.encoder.to_dict()
        return {"encoder": encoder, "tables": dict(self.tables)}

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed; itself if there is only one split."""
        if self.splitter is not None:
            if seed == self.seed:
                return self
            return replace(self, split=self.splitter(seed), seed=seed)
        if self.split.name != "random" or "random" not in self.card.splits:
            return self
        rule = self.card.split_rule("random")
        sizes = {
            name: value
            for name in ("per_class", "num_val", "num_test")
            if (value := getattr(rule, name)) is not None
        }
        return replace(self, split=random_node_split(self.y, seed, **sizes), seed=seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with features, graph and labels on `device`; itself if they already are.

        Those of a `StoredGraph` stay where they are, and the batches are moved.
        """
        if isinstance(self.graph, StoredGraph):
            there = full_device(device)
            return self if self.device == there else replace(self, device=there)
        if self.x.device == full_device(device):
            return self
        return replace(self, x=self.x.to(device), graph=self.graph.to(device), y=self.y.to(device))
