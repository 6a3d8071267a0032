"""A task on the nodes of a networkx graph, whose attributes become features and labels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from gnnvision.data.column_sources import Columns
from gnnvision.data.encoded_column import ColumnKind
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.tables import from_tables
from gnnvision.data.split import Split
from gnnvision.data.targets import Kind
from gnnvision.domains import Graph
from gnnvision.errors import wrong_type

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["from_networkx"]

ID, SOURCE, TARGET = "id", "source", "target"


def from_networkx(
    graph: nx.Graph,
    label: str | Sequence[str] | None = None,
    *,
    features: str | Sequence[str] | None = None,
    kinds: Mapping[str, ColumnKind] | None = None,
    edge_weight: str | None = None,
    edge_type: str | None = None,
    edge_attr: str | Sequence[str] = (),
    split: str | Split | Mapping[str, Any] | None = None,
    kind: Literal["auto"] | Kind = "auto",
    missing: Sequence[str] = (),
    seed: int = 0,
    name: str | None = None,
) -> NodeTask:
    """A task on the nodes of a networkx graph, from the attributes of its nodes and edges.

    The nodes keep their order and their names (`graph.node_names`). Attributes become features
    by a `ColumnEncoder`: numbers, text and lists of numbers, which may be missing at some nodes.
    Without attributes each node has its own feature; features="degree" uses the degrees.

    Args:
        graph: Directed or not, simple or with parallel edges.
        label: The node attribute to predict, or several; None if there is none.
        features: The node attributes to use; None for all others; "degree" or "identity".
        kinds: Attribute -> its kind, where it is not to be inferred.
        edge_weight: The edge attribute with the weight.
        edge_type: The edge attribute with the type, text or a number.
        edge_attr: The edge attributes that are encoded as attributes of the edges.
        split: A node attribute with the words train, val and test; a mapping from "train", "val"
            and "test" to node names, masks or row numbers; a `Split`; None for a random one.
        kind: "classification", "multilabel" or "regression"; "auto" infers it.
        missing: Further words for a missing label.
        seed: The seed of a random split.
        name: The name of the task; by default that of the graph.

    Raises:
        TypeError: `graph` is not a networkx graph.
        ValueError: The graph has no nodes; an attribute occurs nowhere; an edge lacks its weight
            or type; labels are not of one kind.

    Example:
        >>> import networkx as nx
        >>> task = from_networkx(nx.karate_club_graph(), label="club")
        >>> task.class_names, task.graph.num_nodes, task.graph.num_edges
        (('Mr. Hi', 'Officer'), 34, 156)
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        advice = "Use from_tables for tables, from_arrays for arrays."
        raise wrong_type("graph", "be a networkx graph", graph, advice)
    names: tuple[Hashable, ...] = tuple(graph.nodes)
    attributes = [data for _, data in graph.nodes(data=True)]
    ids = [str(node) for node in names]
    if len(set(ids)) < len(ids) or not all(text.strip() for text in ids):
        ids = [str(number) for number in range(len(names))]  # two names that are written alike
    columns = _columns(attributes)
    id_name = _free(ID, columns)
    nodes = Columns({id_name: ids, **columns}, "the networkx graph", len(ids))
    if isinstance(split, Mapping):
        place = {node: number for number, node in enumerate(names)}
        split = {key: _rows(rows, place) for key, rows in split.items()}
    edges, source, target, undirected = _edges(graph, dict(zip(names, ids, strict=True)))
    task = from_tables(
        nodes,
        edges,
        label,
        id=id_name,
        source=source,
        target=target,
        split=split,
        features=features,
        kinds=kinds,
        edge_weight=edge_weight,
        edge_type=edge_type,
        edge_attr=edge_attr,
        undirected=undirected,
        kind=kind,
        missing=missing,
        seed=seed,
        name=name or str(graph.graph.get("name") or "your networkx graph"),
    )
    return replace(task, graph=_with_names(task.in_memory, names), data_hash="")


def _columns(rows: Sequence[Mapping[Any, Any]]) -> dict[str, list[Any]]:
    """The attributes of all nodes or edges as columns, None where one is missing."""
    names = dict.fromkeys(key for row in rows for key in row)
    return {str(key): [row.get(key) for row in rows] for key in names}


def _free(name: str, taken: Iterable[str]) -> str:
    """A name for a column that no attribute has."""
    return name if name not in taken else _free(f"{name} of the graph", taken)


def _edges(graph: nx.Graph, ids: Mapping[Hashable, str]) -> tuple[Columns | None, str, str, bool]:
    """The table of edges, the names of the columns of their ends, and whether it is undirected.

    Parallel edges without a direction may differ, so they are listed in both directions.
    """
    listed = list(graph.edges(data=True))
    undirected = not graph.is_directed()
    if undirected and graph.is_multigraph():
        listed += [(v, u, data) for u, v, data in listed if u != v]
        undirected = False
    columns = _columns([data for *_, data in listed])
    source, target = _free(SOURCE, columns), _free(TARGET, columns)
    ends = {
        source: [ids[u] for u, _, _ in listed],
        target: [ids[v] for _, v, _ in listed],
    }
    if not listed:
        return None, source, target, undirected
    table = Columns({**ends, **columns}, "the edges of the networkx graph", len(listed))
    return table, source, target, undirected


def _rows(rows: Any, place: Mapping[Hashable, int]) -> Any:  # noqa: ANN401
    """Row numbers in place of the names of nodes; anything else unchanged."""
    if isinstance(rows, (list, tuple, set, frozenset)) and not any(
        isinstance(row, bool) for row in rows
    ):
        listed = list(rows)
        if all(isinstance(row, Hashable) and row in place for row in listed):
            return [place[row] for row in listed]
    return rows


def _with_names(graph: Graph, names: tuple[Hashable, ...]) -> Graph:
    return Graph(
        graph.edge_index,
        graph.num_nodes,
        edge_weight=graph.edge_weight,
        edge_attr=graph.edge_attr,
        edge_type=graph.edge_type,
        num_relations=graph.num_relations,
        node_names=names,
    )
