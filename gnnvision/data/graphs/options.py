"""The options of loading graphs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from gnnvision.data.encoded_column import ColumnKind
from gnnvision.data.options import LoadOptions
from gnnvision.errors import invalid, one_of

if TYPE_CHECKING:
    from gnnvision.data.task import Task

__all__ = ["GraphOptions"]

_TUPLES = ("missing", "edge_attr")


@dataclass(frozen=True, kw_only=True)
class GraphOptions(LoadOptions):
    """The options of `gnnvision.data.graphs.load`, besides those of every loader.

    Args:
        split: For many graphs also "stratified" and "kfold"; their "public" is "kfold". For
            graphs of your own "public" is the split in the data, and a random one without it.
        normalize_features: Whether to divide the features of each node by their sum; None does
            it for citation graphs only.
        dense: For citation graphs: dense features instead of a sparse COO tensor.
        task: "nodes" to predict the labels of nodes, or "links" to predict which pairs of nodes
            are linked; see `gnnvision.data.to_links`.
        folds: For split="kfold" of many graphs: the number of folds.
        num_nodes: For the generated graph "power-law": its number of nodes; 100,000 if not given.
        edges: For a table of nodes: the path of the table of edges.
        label: The column to predict, or several.
        id: The column with the ids of the nodes; None finds "id" or "node_id".
        source: The column with the id of the node where an edge starts; None finds it.
        target: The column with the id of the node where an edge ends; None finds it.
        features: The columns that become features; None for all others.
        kinds: Column -> its kind, where it is not to be inferred.
        edge_weight: The column with the weights of the edges.
        edge_type: The column with the types of the edges.
        edge_attr: The columns that become attributes of the edges.
        undirected: Whether every edge goes in both directions; None does it for tables, but not
            for DGL's folders, which list both.
        kind: The kind of target; "auto" infers it.
        missing: Further words for a missing label.
        split_column: The column with "train", "val" or "test".
    """

    normalize_features: bool | None = None
    dense: bool = False
    task: Literal["nodes", "links"] = "nodes"
    folds: int = 10
    num_nodes: int | None = None
    edges: str | None = None
    label: str | tuple[str, ...] | None = None
    id: str | None = None
    source: str | None = None
    target: str | None = None
    features: str | tuple[str, ...] | None = None
    kinds: Mapping[str, ColumnKind] | None = None
    edge_weight: str | None = None
    edge_type: str | None = None
    edge_attr: tuple[str, ...] = ()
    undirected: bool | None = None
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: tuple[str, ...] = ()
    split_column: str | None = None

    def __post_init__(self) -> None:
        for name in _TUPLES:
            given: Any = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))

    def finish(self, task: Task) -> Task:
        """The task that was read, or that of its links.

        Raises:
            ValueError: Links are to be predicted of something else than one graph.
        """
        if one_of("task", self.task, ("nodes", "links")) == "nodes":
            return task
        if task.item_kind != "node":
            got, advice = "'links' for many graphs", "Leave it out, or load one graph."
            raise invalid("task", "be 'nodes' for data other than one graph", got, advice)
        # The options need no torch, so that a command can show them in its help.
        from gnnvision.data.graphs.link_task import to_links

        return to_links(task, seed=self.seed)

    def check(self, many: bool) -> None:
        """Raise ValueError for options that do not apply to a named dataset.

        Args:
            many: Whether the items are graphs, not the nodes of one graph.
        """
        if many:
            self.only({"folds"}, "graph datasets")
        else:
            self.only({"normalize_features", "dense"}, "node tasks")
        if self.folds != 10 and self.split not in ("public", "kfold"):
            condition = f"be left out for split={self.split!r}"
            raise invalid("folds", condition, self.folds, "Use split='kfold'.")

    def only(self, names: Collection[str], data: str) -> None:
        """Raise ValueError for an option, of graphs, that has no effect on some data.

        Args:
            names: The options that have an effect, besides those of every loader.
            data: What the data are, for the message: "node tasks".
        """
        common = {"task", *(item.name for item in fields(LoadOptions))}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name not in common | {*names} and value != item.default:
                advice = "It has no effect on them."
                raise invalid(item.name, f"be left out for {data}", repr(value), advice)
