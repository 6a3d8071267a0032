"""Operators of a graph that are not made for all of it: their rows are made on a frontier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor

from gnnvision.domains.frontier import Frontier
from gnnvision.domains.stored import StoredGraph
from gnnvision.errors import invalid
from gnnvision.operators.base import Operator
from gnnvision.operators.pattern import Pattern

__all__ = ["Deferred"]


class Deferred(Operator):
    """An operator of a `StoredGraph`: a formula, which a frontier is put into.

    Args:
        graph: the graph.
        dtype: of the entries.
        formula: makes the operator of the entries that lead to the next frontier.
    """

    def __init__(
        self,
        graph: StoredGraph,
        dtype: torch.dtype | None,
        formula: Callable[[Frontier], Operator],
    ) -> None:
        shape = (graph.num_nodes, graph.num_nodes)
        super().__init__(shape, dtype or torch.get_default_dtype(), graph.device)
        self.formula = formula

    def on(self, frontier: Frontier) -> Operator:
        """The operator from a frontier to the next one, made once for each."""
        return frontier.derived(("deferred", self), lambda: self.formula(frontier))

    @property
    def T(self) -> NoReturn:
        """Refused, as is all that needs the whole operator."""
        self._refuse()

    @property
    def pattern(self) -> Pattern:
        """Refused."""
        self._refuse()

    @property
    def value(self) -> Tensor:
        """Refused."""
        self._refuse()

    def apply(self, x: Tensor) -> Any:  # noqa: ANN401
        """Refused."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        got = f"the operator of a graph of {self.shape[0]:,} nodes that is not held in memory"
        advice = (
            "Run the network on graph.frontier(...), or use Graph.from_stored(graph) if that fits."
        )
        raise invalid("domain", "be a frontier of the graph", got, advice)
