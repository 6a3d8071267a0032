"""Folders in the layout of DGL's `CSVDataset`: meta.yaml and tables of nodes and edges.

References:
    https://www.dgl.ai/dgl_docs/guide/data-loadcsv.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gnnvision.data.column_sources import Columns, read_columns
from gnnvision.data.column_values import to_cells
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.table_files import TABLE_OPTIONS, read_many, read_one
from gnnvision.data.task import Task
from gnnvision.errors import invalid

__all__ = ["is_dgl_folder", "read_dgl_folder"]

META = "meta.yaml"
TYPES = "etype"  # the column with the type of an edge, if the folder has several


def is_dgl_folder(path: Path) -> bool:
    """Whether a folder has a meta.yaml."""
    return (path / META).is_file()


def read_dgl_folder(path: Path, options: GraphOptions, requested: str) -> Task:
    """The task of a folder in DGL's layout: on the nodes of one graph, or on many graphs.

    Edges are directed as they are listed. Several types of edges become `edge_type`; several
    types of nodes are not supported.

    Raises:
        FileNotFoundError: A table that meta.yaml lists does not exist.
        ValueError: meta.yaml is invalid, or there are several types of nodes.
    """
    options.only(TABLE_OPTIONS, "a folder in DGL's layout")
    meta = _read_meta(path)
    nodes, kinds = _entries(meta, "node_data"), _entries(meta, "edge_data")
    if len(nodes) > 1:
        types = ", ".join(repr(entry.get("ntype", entry["file_name"])) for entry in nodes)
        advice = "Load one type of node, with the edges between its nodes."
        raise invalid("name", "be a folder with one type of node", types, advice)
    name = str(meta.get("dataset_name") or path.name)
    table = _table(path, nodes[0], meta)
    edges = [_table(path, entry, meta) for entry in kinds]
    first = kinds[0]
    options = replace(
        options,
        id=options.id or str(nodes[0].get("node_id_field", "node_id")),
        source=options.source or str(first.get("src_id_field", "src_id")),
        target=options.target or str(first.get("dst_id_field", "dst_id")),
    )
    links = edges[0]
    if len(edges) > 1:
        links = _stacked(edges, [_type(entry) for entry in kinds])
        options = replace(options, edge_type=options.edge_type or TYPES)
    graph_data = meta.get("graph_data")
    if graph_data:
        graphs = _table(path, graph_data, meta)
        return read_many(table, links, graphs, options, name, undirected=False)
    return read_one(table, links, options, name, undirected=False)


def _read_meta(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        meta = yaml.safe_load((path / META).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        fault = str(error).splitlines()[0]
        got = f"{str(path / META)!r}, which cannot be read ({fault})"
        raise invalid("name", f"have a valid {META}", got, "Correct it.") from error
    if not isinstance(meta, Mapping) or not {"node_data", "edge_data"} <= set(meta):
        got = f"{str(path / META)!r} without them"
        condition = f"have a {META} with node_data and edge_data"
        raise invalid("name", condition, got, "See DGL's documentation of CSVDataset.")
    return meta


def _entries(meta: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    entries = meta[key]
    valid = isinstance(entries, list) and entries
    if not valid or not all(isinstance(e, Mapping) and "file_name" in e for e in entries):
        condition = f"list tables with their file_name in {key} of {META}"
        raise invalid("name", condition, repr(entries)[:60], "Correct it.")
    return entries  # type: ignore[no-any-return]


def _table(path: Path, entry: Mapping[str, Any], meta: Mapping[str, Any]) -> Columns:
    file = path / str(entry["file_name"])
    if not file.resolve().is_relative_to(path.resolve()):
        got = repr(str(entry["file_name"]))
        raise invalid("name", f"list only files of its folder in {META}", got, "Move it there.")
    return read_columns(file, "name")


def _type(entry: Mapping[str, Any]) -> str:
    """The name of a type of edge: the middle one of [node type, type, node type]."""
    given = entry.get("etype", entry["file_name"])
    return str(given[1] if isinstance(given, list) and len(given) == 3 else given)


def _stacked(tables: Sequence[Columns], types: Sequence[str]) -> Columns:
    """The rows of several tables, with a column for the type; columns must agree."""
    names = [name for name in tables[0] if all(name in table for table in tables)]
    columns: dict[str, list[Any]] = {
        name: [cell for table in tables for cell in to_cells(table[name])] for name in names
    }
    columns[TYPES] = [
        kind for table, kind in zip(tables, types, strict=True) for _ in range(table.num_rows)
    ]
    count = sum(table.num_rows for table in tables)
    return Columns(columns, f"{len(tables)} tables of edges", count, tables[0].decimal_commas)
