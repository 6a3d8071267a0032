"""gnnvision: graph and image convolution under one layer interface.

A convolution is Y = Σₖ Sₖ X Wₖ + b on a domain: the grid of a picture or the graph of everything
else. See the README for ten lines of each.
"""

from pathlib import Path

from gnnvision import data, explain, models, training, transfer
from gnnvision._version import __version__
from gnnvision.domains import Domain, Graph, Grid, degree_features, identity_features, one_hot
from gnnvision.layers import (
    AvgPool2d,
    ChebConv,
    Conv1d,
    Conv2d,
    Conv3d,
    Convolution,
    Dropout,
    GATv2Conv,
    GCNConv,
    GINConv,
    GraphPool,
    MaxPool2d,
    Readout,
    RGCNConv,
    SAGEConv,
    Sequential,
    Upsample,
)
from gnnvision.summary import summary
from gnnvision.training import Recipe, Result, fit

__all__ = [
    "AvgPool2d",
    "ChebConv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Convolution",
    "Domain",
    "Dropout",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "Graph",
    "GraphPool",
    "Grid",
    "MaxPool2d",
    "RGCNConv",
    "Readout",
    "Recipe",
    "Result",
    "SAGEConv",
    "Sequential",
    "Upsample",
    "__version__",
    "data",
    "degree_features",
    "explain",
    "fit",
    "identity_features",
    "models",
    "one_hot",
    "summary",
    "training",
    "transfer",
]


def _write_report(result: Result) -> Path:
    """Reports stand above training; here, on top, the two are joined."""
    from gnnvision.report import write_report

    return write_report(result)


Result.writer = _write_report
