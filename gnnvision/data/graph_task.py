"""A task on whole graphs: molecules, proteins, meshes; a target for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import check_batches, check_tensors, split_into_batches
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Graph
from gnnvision.domains.device import as_double, full_device, send

__all__ = ["GraphTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 64, 256
BLOCK = 4096  # graphs that are laid side by side at once; batches are cut out of them


@dataclass(frozen=True, eq=False, kw_only=True)
class GraphTask(Task):
    """Predict something of each of many graphs.

    All graphs lie side by side as the members of one batch. A training epoch lays them out in
    its order, some thousands at a time, and cuts its batches out of that, so that no batch is
    put together graph by graph.

    Args:
        graphs: The graphs, as members of one batch. G of them.
        x: Features of all their nodes. Shape (N, C).
        y: The targets. Classes: int64 (G,), -100 for none. Regression and multi-label tasks:
            floating point (G, num_outputs), NaN where a target is missing.
        splitter: The split of a seed; None if there is only one.
        item_names: The graphs' names, for pictures and tables: the SMILES of molecules.

    Raises:
        ValueError: The sizes of features, graphs, targets and split do not agree.
    """

    graphs: Graph
    x: Tensor
    y: Tensor
    splitter: Callable[[int], Split] | None = None
    item_names: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, y=self.y)
        nodes, members = self.graphs.num_nodes, self.graphs.num_graphs
        if tuple(self.x.shape) != (nodes, self.in_channels):
            raise ValueError(
                f"'x' must have shape (N={nodes}, in_channels={self.in_channels}), got "
                f"{tuple(self.x.shape)}. Give one row for each node of all graphs."
            )
        labels = self.kind == "classification"
        shape = (members,) if labels else (members, self.num_outputs)
        if tuple(self.y.shape) != shape or (self.y.dtype == torch.int64) != labels:
            raise ValueError(
                f"'y' must be {'int64' if labels else 'floating point'} of shape {shape}, got "
                f"{self.y.dtype} of shape {tuple(self.y.shape)}. Give one row for each graph."
            )
        self.split.check(members)

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """As of every task, with the number and the size of the graphs."""
        graphs = self.graphs
        held = int((graphs.offsets.diff() > 0).sum())
        words = ("molecules", "atoms") if self.card.kind == "molecule" else ("graphs", "nodes")
        described = f"{self.in_channels:,} of each {words[1][:-1]}"
        more = ((self.num_edge_attr, "of each edge"), (self.num_graph_attr, "of the whole"))
        described += "".join(f", {count:,} {what}" for count, what in more if count)
        known = super().overview()
        return {
            "data": known.pop("data"),
            words[0]: f"{held:,} with {graphs.num_nodes:,} {words[1]}",
            **known,
            "features": described,
        }

    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Node features of some graphs, these graphs as one batch, and their targets.

        Only the training part is ever shuffled, and only with a `generator`. A last training
        batch of one graph joins the one before, as batch norm can do nothing with a single one.

        Args:
            part: "train", "val" or "test".
            batch_size: Graphs in a batch; None for 64 to train with and 256 otherwise.
            generator: Shuffles the training part; a CPU generator. None keeps the order.
            epoch: Not used: every epoch is a shuffle of the same.

        Shapes:
            Yields: x (N, C), a `Graph` of B members, y (B,) or (B, num_outputs).

        Raises:
            ValueError: There is no such part, or the batch size is not positive.
        """
        check_batches(part, batch_size, "graphs")
        if part == "train" and generator is not None:
            order = torch.from_numpy(np.array(self.split.train))
            order = order[torch.randperm(len(order), generator=generator)]
            yield from self._shuffled_batches(order, batch_size or TRAIN_BATCH)
            return
        members, x, y = self._parts[part]
        yield from _sections(members, x, y, batch_size or _EVALUATION_BATCH)

    def _shuffled_batches(
        self, order: Tensor, size: int
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Batches of the graphs in this order."""
        pieces = split_into_batches(order, size)
        at_once = max(1, BLOCK // size)
        for start in range(0, len(pieces), at_once):
            block = torch.cat(pieces[start : start + at_once])
            members, x, y = self._chosen(block)
            yield from _sections(members, x, y, size, len(pieces[start : start + at_once]))

    def _chosen(self, members: Tensor) -> tuple[Graph, Tensor, Tensor]:
        nodes = self.graphs.member_nodes(members)
        return (
            self.graphs.select(members),
            self.x.index_select(0, nodes),
            self.y.index_select(0, send(members, self.y.device)),
        )

    @cached_property
    def _parts(self) -> dict[str, tuple[Graph, Tensor, Tensor]]:
        """The graphs of each part in order; laid out once, as every epoch measures them again."""
        index = {
            part: torch.from_numpy(np.array(getattr(self.split, part))) for part in SPLIT_NAMES
        }
        return {part: self._chosen(i) for part, i in index.items()}

    @property
    def target_moments(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training part's targets; None for classes.

        The standard deviation of a target that never changes is 1. Shapes (num_outputs,).
        """
        if self.kind != "regression":
            return None
        items = torch.from_numpy(np.array(self.split.train)).to(self.y.device)
        train = as_double(self.y[items])
        here = ~train.isnan()
        count = here.sum(0).clamp(min=1)
        mean = train.nansum(0) / count
        spread = ((train - mean).square().nansum(0) / count).sqrt()
        spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        return mean.to(self.y.dtype).to(self.y.device), spread.to(self.y.dtype).to(self.y.device)

    def is_labeled(self, part: SplitName) -> bool:
        """Whether every graph of a part has its label; False for a regression."""
        return self._labeled[part]

    @cached_property
    def _labeled(self) -> dict[str, bool]:
        if self.kind != "classification":
            return dict.fromkeys(SPLIT_NAMES, False)
        known = self.y.cpu().numpy() != UNLABELED
        return {part: bool(known[getattr(self.split, part)].all()) for part in SPLIT_NAMES}

    @property
    def num_edge_attr(self) -> int:
        """How many numbers describe an edge; 0 where none do."""
        given = self.graphs.edge_attr
        return 0 if given is None else given.shape[1]

    @property
    def num_graph_attr(self) -> int:
        """How many numbers describe a graph as a whole; 0 where none do."""
        given = self.graphs.graph_attr
        return 0 if given is None else given.shape[1]

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed; itself if there is only one."""
        if self.splitter is None or seed == self.seed:
            return self
        return replace(self, split=self.splitter(seed), seed=seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with graphs, features and targets on `device`; itself if they are there."""
        if self.y.device == full_device(device):
            return self
        graphs = self.graphs.to(device)
        return replace(self, graphs=graphs, x=self.x.to(device), y=self.y.to(device))


def _sections(
    members: Graph, x: Tensor, y: Tensor, size: int, count: int | None = None
) -> Iterator[tuple[Tensor, Domain, Tensor]]:
    """Batches of `size` graphs; `count` of them, the last with all that is left."""
    total = members.num_graphs
    if not total:
        return
    starts = list(range(0, total, size))[:count]
    for start, stop in zip(starts, [*starts[1:], total], strict=True):
        graph, nodes = members.section(start, stop)
        yield x[nodes], graph, y[start:stop]
