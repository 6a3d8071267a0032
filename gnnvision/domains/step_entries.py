"""The matrices of a graph where only some rows and entries are known, with the degrees of all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from gnnvision.domains.device import count as number_of
from gnnvision.domains.device import send
from gnnvision.domains.matrix import Entries
from gnnvision.domains.sampling import Step

__all__ = ["StepEntries"]

StoredGraph = Any  # whose frontiers import this file


@dataclass(frozen=True)
class StepEntries(Entries):
    """The entries of A that lead to the targets of a step, each scaled for those not drawn.

    The formulas are those of all entries; only degrees and self loops are looked up in the graph.

    Args:
        graph: the graph.
        nodes: those of the signal, the targets first. Shape (n,).
        num_targets: the number of targets m.
        weighted: whether the values are the edge weights.
        loops: whether self loops are still among the entries, were left out, or are the diagonal.
        new_loop: the weight of a loop that was added.
        has_diagonal: whether the last m entries are a diagonal.
    """

    graph: StoredGraph
    nodes: Tensor
    targets: int
    weighted: bool
    loops: Literal["kept", "none", "one each"] = "kept"
    new_loop: float = 1.0
    has_diagonal: bool = False

    @classmethod
    def of(
        cls,
        graph: StoredGraph,
        nodes: Tensor,
        step: Step,
        dtype: torch.dtype | None,
        weighted: bool,
    ) -> StepEntries:
        """The adjacency matrix; see `Frontier.entries`."""
        rowptr, source, edge, scale = step
        weight = graph.edge_weight if weighted else None
        sizes = rowptr.diff()
        rows = torch.arange(sizes.numel(), device=source.device)
        target = rows.repeat_interleave(sizes, output_size=source.numel())
        if weight is None:
            value = torch.ones(source.shape, dtype=dtype, device=source.device)
        else:
            value = send(weight[edge].to(dtype or weight.dtype), source.device)
        if scale is not None:
            value = value * scale.to(value.dtype)[target]
        n = nodes.numel()
        return cls(n, source, target, value, graph, nodes, sizes.numel(), weight is not None)

    @property
    def num_targets(self) -> int:
        """The number of rows of the operator."""
        return self.targets

    def degree(self, direction: Literal["out", "in"]) -> Tensor:
        """The degrees in the whole graph, of the matrix that the entries are of. Shape (n,)."""
        kept = self.loops == "kept"
        how = {"weighted": self.weighted, "device": self.value.device}
        degree = self._at(self.nodes, self.graph.degree(direction, loops=kept, **how))
        if self.loops == "one each":
            degree = degree + self._at(self.nodes, self.graph.self_loops(self.new_loop, **how))
        return degree

    def mean(self) -> Entries:
        """A D^(-1), with D the number of entries of each column, also of those that are 0."""
        degree = self.graph.degree("in", weighted=False, device=self.value.device)
        arrivals = self._at(self.nodes[: self.targets], degree)
        # A target with an edge has a degree.
        return self._with_values(self.value / arrivals[self.target])

    def by_target(self) -> tuple[Tensor, Tensor]:
        """The first entry of each row, and the order that sorts the entries by row.

        Nothing is sorted: those of A are in order, and may be followed by one diagonal.
        """
        has_diagonal = self.has_diagonal
        count = self.value.numel() - (self.targets if has_diagonal else 0)
        target = self.target[:count]
        ends = target.new_zeros(self.targets + 1)
        torch.cumsum(number_of(target, self.targets), 0, out=ends[1:])
        order = torch.arange(self.value.numel(), device=target.device)
        if not has_diagonal:
            return ends, order
        rows = torch.arange(self.targets + 1, device=target.device)
        places = torch.cat([order[:count] + target, ends[1:] + rows[:-1]])
        return ends + rows, torch.empty_like(order).scatter_(0, places, order)

    def _at(self, nodes: Tensor, values: Tensor) -> Tensor:
        return values[nodes].to(self.value.dtype)

    def _with_values(self, value: Tensor) -> StepEntries:
        return replace(self, value=value)

    def _with_diagonal(self, diagonal: Tensor) -> StepEntries:
        rows = torch.arange(self.targets, device=self.source.device)
        pairs = (
            (self.source, rows), (self.target, rows), (self.value, diagonal[: self.targets])
        )  # fmt: skip
        source, target, value = map(torch.cat, pairs)
        return replace(self, source=source, target=target, value=value, has_diagonal=True)

    def _without_self_loops(self) -> StepEntries:
        # They are entries of 0: to find out how many are left would be to wait for a GPU.
        return replace(self, loops="none", value=self.value * (self.source != self.target))

    def _with_self_loops(self, weight: float) -> StepEntries:
        how = {"weighted": self.weighted, "device": self.value.device}
        loops = self._at(self.nodes, self.graph.self_loops(weight, **how))
        alone = self._without_self_loops()
        return replace(alone._with_diagonal(loops), loops="one each", new_loop=weight)
