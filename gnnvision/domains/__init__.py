"""Domains of signals: `Grid` for images, `Graph` for all other data, `Frontier` for some nodes."""

from gnnvision.domains.base import Domain
from gnnvision.domains.features import degree_features, identity_features, one_hot
from gnnvision.domains.frontier import Frontier
from gnnvision.domains.graph import Graph
from gnnvision.domains.grid import Grid
from gnnvision.domains.stored import StoredGraph
from gnnvision.domains.window import PaddingMode, Window

__all__ = [
    "Domain",
    "Frontier",
    "Graph",
    "Grid",
    "PaddingMode",
    "StoredGraph",
    "Window",
    "degree_features",
    "identity_features",
    "one_hot",
]
