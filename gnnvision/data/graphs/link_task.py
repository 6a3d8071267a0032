"""Link prediction: which pairs of nodes of a graph are linked, without leaks between splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.batching import (
    ALONE,
    Share,
    check_batches,
    check_tensors,
    refuse_share,
    split_into_batches,
)
from gnnvision.data.graphs.graph_task import graph_tensors
from gnnvision.data.graphs.link_pairs import (
    LinkSplitter,
    check_fractions,
    draw_unlinked,
    is_directed,
    linked_pairs,
    pair_keys,
    raw_integers,
)
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Graph, identity_features
from gnnvision.domains.batches import of_edges
from gnnvision.domains.device import full_device, send
from gnnvision.errors import invalid, wrong_type

__all__ = ["LinkTask", "to_links"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LinkTask(Task):
    """Link prediction in one graph; `to_links` makes one from a task or a graph.

    An item is a pair of nodes, with the target 1 if it is linked and 0 if not. The network
    passes messages over the edges of `graph`, which are those between training pairs, in every
    split: no validation or test link is among them, in either direction. It ends in a
    `PairReadout`, which scores the `pairs` of the graph of a batch.

    The pairs without a link are drawn once, are the same for every seed, and are divided among
    the splits as the links are. Training draws new ones in every epoch, which are neither known
    links nor pairs of validation or test.

    Args:
        x: Node features, dense or sparse COO. Shape (N, C).
        known: The graph with all known links.
        pairs: The nodes of each pair, int64. Shape (2, P).
        y: 1 for a linked pair, 0 for another. Shape (P, 1).
        splitter: A function from a seed to a split of the pairs; None if there is only one.

    Attributes:
        graph: The graph over which messages are passed.

    Raises:
        ValueError: The sizes do not match, a pair without a link is linked in `known`, or a pair
            (or its reverse) is in two splits.
    """

    item_kind = "link"

    x: Tensor
    known: Graph
    pairs: Tensor
    y: Tensor
    splitter: Callable[[int], Split] | None = None
    graph: Graph = field(init=False, repr=False)
    _batch: dict[str, tuple[Tensor, Domain, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, pairs=self.pairs, y=self.y)
        n, count = self.known.num_nodes, self.pairs.shape[-1]
        shapes = {"x": (n, self.in_channels), "pairs": (2, count), "y": (count, 1)}
        for name, shape in shapes.items():
            if (got := tuple(getattr(self, name).shape)) != shape:
                advice = "Make the task with gnnvision.data.to_links."
                raise invalid(name, f"have shape {shape}", got, advice)
        self.split.check(count)
        self._check_pairs()
        object.__setattr__(self, "graph", self._messages())
        batch = {name: self._batch_of(self._items(name)) for name in SPLIT_NAMES}
        object.__setattr__(self, "_batch", batch)
        super().__post_init__()

    def _check_pairs(self) -> None:
        """Check that pairs without a link are not known links, and that no split has another's."""
        keys, linked = pair_keys(self.pairs, self.known.num_nodes).cpu(), self.y[:, 0].cpu() == 1
        wrong = torch.isin(keys, pair_keys(self.known.edge_index, self.known.num_nodes).cpu())
        if (mixed := (wrong != linked).nonzero()).numel():
            pair = tuple(self.pairs[:, mixed[0, 0]].tolist())
            condition = "be 1 for the pairs with a known link, and 0 for the others"
            got = f"{float(self.y[mixed[0, 0], 0]):g} for the nodes {pair}"
            raise invalid("y", condition, got, "Correct the pairs or the labels.")
        of = {name: keys[self._items(name)] for name in SPLIT_NAMES}
        for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
            if (shared := of[first][torch.isin(of[first], of[second])]).numel():
                pair = divmod(int(shared[0]), self.known.num_nodes)
                condition = "have both directions of a pair in one split"
                got = f"the nodes {pair} in {first} and {second}"
                raise invalid("split", condition, got, "Move both directions into one split.")

    def _items(self, split: str) -> Tensor:
        return torch.from_numpy(np.array(getattr(self.split, split)))

    def _messages(self) -> Graph:
        """The known graph without the links of validation and test, in either direction."""
        known, n = self.known, self.known.num_nodes
        hidden = torch.cat([self._items("val"), self._items("test")]).to(self.pairs.device)
        keys = pair_keys(self.pairs[:, hidden], n)
        kept = (~torch.isin(pair_keys(known.edge_index, n), keys)).nonzero().squeeze(1)
        return Graph(
            known.edge_index[:, kept],
            n,
            num_relations=known.num_relations,
            node_names=known.node_names,
            **of_edges(vars(known), kept),
        )

    def _batch_of(self, items: Tensor) -> tuple[Tensor, Domain, Tensor]:
        items = send(items, self.y.device)
        return self.x, self.graph.with_pairs(self.pairs[:, items]), self.y[items]

    def _contents(self) -> Mapping[str, Tensor]:
        return {"x": self.x, "pairs": self.pairs, "y": self.y} | graph_tensors(self.known)

    @property
    def _targets(self) -> Tensor:
        return self.y

    @cached_property
    def _excluded(self) -> Tensor:
        """The sorted keys of the pairs that training does not draw."""
        n = self.known.num_nodes
        hidden = torch.cat([self._items("val"), self._items("test")])
        edges = self.known.edge_index.cpu()
        pairs = torch.cat([edges[:, edges[0] != edges[1]], self.pairs.cpu()[:, hidden]], 1)
        excluded: Tensor = pair_keys(pairs, n).unique()
        return excluded

    def overview(self) -> dict[str, str]:
        """The summary of every task, and the sizes of the graph with and without hidden links."""
        known = super().overview()
        n, counts = self.known.num_nodes, {}
        for name in SPLIT_NAMES:
            y = self.y.cpu()[self._items(name)]
            counts[name] = f"{int(y.sum()):,} of {len(y):,}"
        direction = "directed" if is_directed(self.known) else "undirected"
        return {
            "data": known.pop("data"),
            "graph": f"{n:,} nodes, {int(self.y.sum()):,} {direction} links, "
            f"{self.in_channels:,} features each",
            "task": "link prediction: which pairs of nodes are linked",
            "pairs": "that are linked: " + ", ".join(f"{k} {v}" for k, v in counts.items()),
            "messages": f"over {self.graph.num_edges:,} of {self.known.num_edges:,} directed "
            "edges, none of a validation or test link",
            "split": known["split"],
        }

    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Iterate over the whole graph with some of its pairs, and whether these are linked.

        Args:
            split: "train", "val" or "test".
            batch_size: Pairs in a batch; None for all. Each batch passes messages over the whole
                graph.
            generator: A CPU generator that draws the training pairs without a link anew, and
                shuffles batches; None takes those of the task, in order.
            epoch: Ignored: the generator makes each epoch different.
            share: Must be left out: each batch needs the whole graph.

        Shapes:
            Yields: x (N, C), a `Graph` with `pairs` (2, B), y (B, 1).

        Raises:
            ValueError: `split` is not one of these, or the batch size is not positive.
        """
        check_batches(split, batch_size, "pairs")
        refuse_share(share)
        if split != "train" or generator is None:
            if batch_size is None:
                yield self._batch[split]
                return
            for items in split_into_batches(self._items(split), batch_size):
                yield self._batch_of(items)
            return
        pairs, y = self._draw_training(generator)
        if batch_size is None:
            yield self.x, self.graph.with_pairs(pairs), y
            return
        order = torch.randperm(len(y), generator=generator)
        for items in split_into_batches(order, batch_size):
            there = send(items, y.device)
            yield self.x, self.graph.with_pairs(pairs[:, there]), y[there]

    def _draw_training(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The training links and as many pairs without a link, drawn again."""
        items = self._items("train")
        items = items[self._is_linked[items]].to(self.pairs.device)
        linked = self.pairs[:, items]

        def draw(count: int) -> Tensor:
            return torch.randint(2**62, (count,), generator=generator)

        others = draw_unlinked(linked.shape[1], self.known.num_nodes, self._excluded, draw)
        if self._is_directed:  # in either direction
            turned = torch.randint(2, (others.shape[1],), generator=generator).bool()
            others = torch.where(turned, others.flip(0), others)
        pairs = torch.cat([linked, send(others, linked.device)], 1)
        y = torch.zeros(pairs.shape[1], 1, dtype=self.y.dtype, device=linked.device)
        y[: linked.shape[1]] = 1
        return pairs, y

    @cached_property
    def _is_linked(self) -> Tensor:
        return self.y[:, 0].cpu() == 1

    @cached_property
    def _is_directed(self) -> bool:
        return is_directed(self.known)

    def is_labeled(self, split: SplitName) -> bool:
        """True: every pair is known to be linked or not."""
        return True

    def names_of(self, pairs: Tensor) -> list[tuple[Any, Any]]:
        """The names of the nodes of each pair, or their indices if they have no names."""
        names = self.known.node_names
        listed = pairs.T.tolist()
        return [(a, b) if names is None else (names[a], names[b]) for a, b in listed]

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed; itself if there is only one split."""
        if self.splitter is None or seed == self.seed:
            return self
        return replace(self, split=self.splitter(seed), seed=seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with its tensors on `device`; itself if they already are."""
        if self.y.device == full_device(device):
            return self
        names = ("x", "known", "pairs", "y")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def to_links(
    source: Task | Graph,
    x: Tensor | None = None,
    *,
    val: float = 0.05,
    test: float = 0.10,
    seed: int = 0,
    name: str = "links",
) -> LinkTask:
    """The task of predicting the links of a graph.

    Self loops are left out, and parallel edges are one link. Links are split at random; both
    directions of a link are in the same split. There are as many pairs without a link.

    Args:
        source: A task on the nodes of a graph, whose labels are not used; or a graph.
        x: Node features of a graph, dense or sparse COO; one feature for each node, the identity
            matrix, if None. Shape (N, C).
        val: The fraction of links for validation.
        test: The fraction of links for the test.
        seed: The seed of the split; `task.with_seed(seed)` gives that of another seed.
        name: The name of the task of a graph.

    Raises:
        TypeError: The source is neither a node task nor a graph.
        ValueError: The fractions are out of range, or the graph has too few links, or no pairs
            without a link.

    Example:
        >>> import gnnvision as gv
        >>> task = to_links(gv.data.load("karate"))
        >>> len(task.split.test), task.graph.num_edges, task.known.num_edges
        (16, 132, 156)
    """
    more: dict[str, Any] = {"name": name}
    if isinstance(source, NodeTask):
        if x is not None:
            raise invalid("x", "be left out for a task", "features", "The task has its own.")
        graph, x = source.in_memory, source.x
        card = replace(
            source.card, kind="link", title=f"{source.card.title} (links)", paper=(), splits={},
            class_names=("link",), defaults={},
        )  # fmt: skip
        more = {"name": source.name, "card": card, "requested": source.requested}
    elif isinstance(source, Graph):
        graph = source
        x = identity_features(graph) if x is None else x
    else:
        advice = "Load a graph with gnnvision.data.graphs.load, or make a gnnvision.Graph."
        raise wrong_type("source", "be a NodeTask or a Graph", source, advice)
    check_tensors(x=x)
    links = linked_pairs(graph)
    check_fractions(val, test, links.shape[1])
    n = graph.num_nodes
    keys = pair_keys(links, n)
    draw = raw_integers(0)  # the same for every seed
    others = draw_unlinked(links.shape[1], n, keys.unique(), draw)
    if not others.shape[1]:
        got = "one in which every node is linked to every other"
        raise invalid("graph", "have pairs of nodes without a link", got, "Use a sparser graph.")
    if is_directed(graph):
        others = torch.where(draw(others.shape[1]) % 2 == 1, others.flip(0), others)
    pairs = torch.cat([links, others], 1)
    y = torch.zeros(pairs.shape[1], 1)
    y[: links.shape[1]] = 1
    splitter = LinkSplitter(pair_keys(pairs, n).numpy(), y[:, 0].numpy() == 1, val, test)
    return LinkTask(
        kind="multilabel", in_channels=x.shape[1], num_outputs=1, class_names=("link",),
        split=splitter(seed), seed=seed, x=x, known=graph, pairs=pairs.to(graph.device),
        y=y.to(graph.device), splitter=splitter, **more,
    )  # fmt: skip
