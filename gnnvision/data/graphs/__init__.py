"""Graphs: the nodes of one graph, or many graphs, with features, labels and a split."""

from gnnvision.data.graphs.cugraph import cugraph_loader
from gnnvision.data.graphs.from_arrays import from_arrays
from gnnvision.data.graphs.from_networkx import from_networkx
from gnnvision.data.graphs.from_pyg import from_pyg
from gnnvision.data.graphs.generated import generate_graph
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.graph_writer import GraphWriter
from gnnvision.data.graphs.link_ranking import LinkRanking, rank_links
from gnnvision.data.graphs.link_task import LinkTask, to_links
from gnnvision.data.graphs.load import load
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.power_law import PowerLaw
from gnnvision.data.graphs.pyg_sampler import NeighborSampler
from gnnvision.data.graphs.tables import from_tables
from gnnvision.data.graphs.write_graph import write_graph

__all__ = [
    "GraphTask",
    "GraphWriter",
    "LinkRanking",
    "LinkTask",
    "NeighborSampler",
    "NodeTask",
    "PowerLaw",
    "cugraph_loader",
    "from_arrays",
    "from_networkx",
    "from_pyg",
    "from_tables",
    "generate_graph",
    "load",
    "rank_links",
    "to_links",
    "write_graph",
]
