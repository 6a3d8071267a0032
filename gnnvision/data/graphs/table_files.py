"""Graphs in the tables of a folder: nodes, edges and, for many graphs, graphs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gnnvision.data.column_sources import Columns, is_table_file, read_columns
from gnnvision.data.graphs.graph_tables import graphs_from_tables
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tables import from_tables
from gnnvision.data.task import Task
from gnnvision.errors import invalid, one_of

__all__ = ["TABLE_OPTIONS", "choose_column", "is_nodes_file", "is_table_folder", "read_folder",
           "read_nodes_file", "split_argument"]  # fmt: skip

TABLE_OPTIONS = frozenset((
    "label", "id", "source", "target", "features", "kinds", "edge_weight", "edge_type",
    "edge_attr", "undirected", "kind", "missing", "split_column", "normalize_features",
))  # fmt: skip
NODES, EDGES, GRAPHS = ("nodes", "node"), ("edges", "edge", "links"), ("graphs", "graph")
LABELS = ("label", "labels", "y", "class", "target")
IDS = ("id", "node_id", "node")
ENDS = (("source", "target"), ("src", "dst"), ("src_id", "dst_id"), ("from", "to"))
GRAPH_IDS = ("graph_id", "graph")


def is_table_folder(path: Path) -> bool:
    """Whether a folder has a table of nodes and one of edges."""
    return path.is_dir() and bool(_tables(path, NODES)) and bool(_tables(path, EDGES))


def is_nodes_file(path: Path) -> bool:
    """Whether a file is a table of nodes: it is called so and a table of edges is next to it."""
    return path.is_file() and _stem(path) in NODES and bool(_tables(path.parent, EDGES))


def read_folder(path: Path, options: GraphOptions, requested: str) -> Task:
    """The task of a folder with nodes.csv and edges.csv, or other formats of tables.

    With a table graphs.csv the items are graphs, and the others have a column graph_id.

    Raises:
        ValueError: A table is there twice, or a table or an option is invalid.
    """
    options.only(TABLE_OPTIONS, "a folder of tables")
    nodes, edges = _one(path, NODES), _one(path, EDGES)
    if _tables(path, GRAPHS):
        return read_many(_read(nodes), _read(edges), _read(_one(path, GRAPHS)), options, path.name)
    return read_one(nodes, edges, options, path.name)


def read_nodes_file(path: Path, options: GraphOptions, requested: str) -> Task:
    """The task of a table of nodes; the edges are in `options.edges`, or next to it.

    Raises:
        FileNotFoundError: The table of edges does not exist.
        ValueError: A table or an option is invalid.
    """
    options.only(TABLE_OPTIONS | {"edges"}, "a table of nodes")
    if options.edges is None and not is_nodes_file(path):
        advice = "Pass the path of the table of edges."
        raise invalid("edges", "be given for a table of nodes", "none", advice)
    edges = Path(options.edges) if options.edges is not None else _one(path.parent, EDGES)
    name = path.absolute().parent.name if _stem(path) in NODES else _stem(path)
    return read_one(path, edges, options, name)


def read_one(
    nodes: Path | Columns,
    edges: Path | Columns | None,
    options: GraphOptions,
    name: str,
    undirected: bool = True,
) -> Task:
    """The task on the nodes of one graph.

    Args:
        nodes: The table of nodes.
        edges: The table of edges.
        options: The options; columns that they do not name are recognized by their names.
        name: Of the task.
        undirected: The default of this option.
    """
    table = read_columns(nodes, "nodes")
    links = None if edges is None else read_columns(edges, "edges")
    source, target = choose_ends(links, options)
    return from_tables(
        table,
        links,
        choose_label(table, options),
        options.id or choose_column(table, IDS, "id"),
        source,
        target,
        split_argument(options),
        features=options.features,
        kinds=options.kinds,
        edge_weight=options.edge_weight,
        edge_type=options.edge_type,
        edge_attr=options.edge_attr,
        undirected=undirected if options.undirected is None else options.undirected,
        kind=options.kind,
        missing=options.missing,
        normalize_features=bool(options.normalize_features),
        seed=options.seed,
        name=name,
    )


def read_many(
    nodes: Columns,
    edges: Columns,
    graphs: Columns,
    options: GraphOptions,
    name: str,
    undirected: bool = True,
) -> Task:
    """The task on many graphs; the columns with their ids are recognized by their names."""
    source, target = choose_ends(edges, options)
    return graphs_from_tables(
        nodes,
        edges,
        graphs,
        choose_label(graphs, options),
        options.id or choose_column(nodes, IDS, "id"),
        source,
        target,
        split_argument(options),
        graph_id=choose_column(graphs, GRAPH_IDS, "graph_id"),
        features=options.features,
        kinds=options.kinds,
        edge_weight=options.edge_weight,
        edge_type=options.edge_type,
        edge_attr=options.edge_attr,
        undirected=undirected if options.undirected is None else options.undirected,
        kind=options.kind,
        missing=options.missing,
        seed=options.seed,
        name=name,
    )


def choose_column(table: Columns, names: Sequence[str], argument: str) -> str:
    """The column that has one of these names, in any case.

    Raises:
        ValueError: There is no such column.
    """
    known: dict[str, str] = {name.lower(): name for name in reversed([*table])}
    for name in names:
        if name in known:
            return known[name]
    listed = ", ".join(map(repr, table)) or "none"
    got = f"none, and no column of {table.source} is called {' or '.join(map(repr, names))}"
    raise invalid(argument, f"name one of the columns {listed}", got, "Name it.")


def choose_ends(table: Columns | None, options: GraphOptions) -> tuple[str, str]:
    """The columns with the ends of an edge."""
    if table is None or not len(table):
        return options.source or "source", options.target or "target"
    known = {name.lower(): name for name in table}
    pairs = [pair for pair in ENDS if all(name in known for name in pair)]
    found = tuple(known[name] for name in pairs[0]) if pairs else (None, None)
    return (
        options.source or found[0] or choose_column(table, [pair[0] for pair in ENDS], "source"),
        options.target or found[1] or choose_column(table, [pair[1] for pair in ENDS], "target"),
    )


def choose_label(table: Columns, options: GraphOptions) -> str | tuple[str, ...]:
    """The column to predict."""
    return options.label or choose_column(table, LABELS, "label")


def split_argument(options: GraphOptions) -> str | None:
    """The split as `from_tables` takes it."""
    one_of("split", options.split, ("public", "random", "column"))
    if options.split_column is not None and options.split == "random":
        condition, value = "be left out for split='random'", repr(options.split_column)
        raise invalid("split_column", condition, value, "Use split='column'.")
    if options.split == "column" and options.split_column is None:
        condition = "name the column with train, val and test for split='column'"
        raise invalid("split_column", condition, "none", "Name it.")
    return "random" if options.split == "random" else options.split_column


def _stem(path: Path) -> str:
    return path.name.split(".")[0].lower()


def _tables(folder: Path, stems: Sequence[str]) -> list[Path]:
    """The tables in a folder with one of these names, in any case."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return []
    return [file for file in files if _stem(file) in stems and is_table_file(file)]


def _one(folder: Path, stems: Sequence[str]) -> Path:
    found = _tables(folder, stems)
    if len(found) > 1:
        got = f"{' and '.join(repr(file.name) for file in found)} in {str(folder)!r}"
        raise invalid("name", f"be a folder with one table of {stems[0]}", got, "Remove one.")
    return found[0]


def _read(path: Path) -> Columns:
    return read_columns(path, _stem(path))
