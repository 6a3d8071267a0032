"""The options of loading graphs."""

from __future__ import annotations

from dataclasses import dataclass

from gnnvision.data.options import LoadOptions
from gnnvision.errors import invalid

__all__ = ["GraphOptions"]


@dataclass(frozen=True, kw_only=True)
class GraphOptions(LoadOptions):
    """The options of `gnnvision.data.graphs.load`, besides those of every loader.

    Args:
        split: For many graphs also "stratified" and "kfold"; their "public" is "kfold".
        normalize_features: For citation graphs: divide the features of each node by their sum.
        dense: For citation graphs: dense features instead of a sparse COO tensor.
        folds: For split="kfold" of many graphs: the number of folds.
    """

    normalize_features: bool = True
    dense: bool = False
    folds: int = 10

    def check(self, many: bool) -> None:
        """Raise ValueError for options that do not apply to one graph, or to many.

        Args:
            many: Whether the items are graphs, not the nodes of one graph.
        """
        if many:
            for name, usual in (("normalize_features", True), ("dense", False)):
                if getattr(self, name) != usual:
                    condition, advice = "be left out for graph datasets", "Use it for citations."
                    raise invalid(name, condition, getattr(self, name), advice)
        elif self.folds != 10:
            condition, advice = "be left out for node tasks", "It applies only to many graphs."
            raise invalid("folds", condition, self.folds, advice)
        if self.folds != 10 and self.split not in ("public", "kfold"):
            condition = f"be left out for split={self.split!r}"
            raise invalid("folds", condition, self.folds, "Use split='kfold'.")
