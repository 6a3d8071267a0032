"""The formats of files with graphs of one's own, besides tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.data.graphs.from_networkx import from_networkx
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.npz_files import is_npz, read_npz_file
from gnnvision.data.graphs.ogb_folder import is_ogb, read_ogb_folder
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.table_files import split_argument
from gnnvision.data.graphs.tu_folder import is_tu, read_tu_folder
from gnnvision.data.graphs.xml_files import is_graph_xml, read_graph_xml

if TYPE_CHECKING:
    from gnnvision.data.doors import Format

__all__ = ["FORMATS"]

XML_OPTIONS = frozenset((
    "label", "features", "kinds", "edge_weight", "edge_type", "edge_attr", "kind", "missing",
    "split_column", "undirected",
))  # fmt: skip


def _read_xml(path: Path, options: GraphOptions, requested: str) -> NodeTask:
    """The task of a GraphML or GEXF file; `options.label` is the attribute to predict."""
    options.only(XML_OPTIONS, "GraphML and GEXF files")
    graph = read_graph_xml(path)
    if options.undirected is not None and options.undirected == graph.is_directed():
        graph = graph.to_undirected() if options.undirected else graph.to_directed()
    name = path.name.removesuffix(".gz")
    return from_networkx(
        graph,
        options.label,
        features=options.features,
        kinds=options.kinds,
        edge_weight=options.edge_weight,
        edge_type=options.edge_type,
        edge_attr=options.edge_attr,
        split=split_argument(options),
        kind=options.kind,
        missing=options.missing,
        seed=options.seed,
        name=name.rpartition(".")[0],
    )


# The test of a format and its reader, in the order in which they are tried.
FORMATS: tuple[Format[GraphOptions], ...] = (
    (is_graph_xml, _read_xml),
    (is_npz, read_npz_file),
    (is_ogb, read_ogb_folder),
    (is_tu, read_tu_folder),
)
