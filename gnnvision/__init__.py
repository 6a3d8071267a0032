"""gnnvision: graph and image convolution under one layer interface.

A convolution is Y = Σₖ Sₖ X Wₖ + b on a domain: the grid of an image or any other graph. See the
README for ten lines of each.
"""

import sys
from typing import TYPE_CHECKING

from gnnvision._lazy import LazyPackage
from gnnvision._renamed import former_module
from gnnvision._version import __version__

if TYPE_CHECKING:
    from gnnvision import basics as basics
    from gnnvision import data, explain, models, training, transfer
    from gnnvision import report as report
    from gnnvision import runs as runs
    from gnnvision.domains import Domain, Graph, Grid, degree_features, identity_features, one_hot
    from gnnvision.inspect import summary
    from gnnvision.layers import (
        APPNP,
        AvgPool2d,
        ChebConv,
        Conv1d,
        Conv2d,
        Conv3d,
        Convolution,
        Dropout,
        EdgeConv,
        GATConv,
        GATv2Conv,
        GCNConv,
        GINConv,
        GINEConv,
        GraphConv,
        GraphConvolution,
        GraphNorm,
        GraphPool,
        MaxPool2d,
        MaxPropagation,
        NNConv,
        PairReadout,
        Propagation,
        Readout,
        RGCNConv,
        SAGEConv,
        Sequential,
        SGConv,
        TAGConv,
        TransformerConv,
        Upsample,
    )
    from gnnvision.runs import Run, load_run
    from gnnvision.training import Recipe, Result, fit, sweep

__all__ = [
    "APPNP",
    "AvgPool2d",
    "ChebConv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Convolution",
    "Domain",
    "Dropout",
    "EdgeConv",
    "GATConv",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "GINEConv",
    "Graph",
    "GraphConv",
    "GraphConvolution",
    "GraphNorm",
    "GraphPool",
    "Grid",
    "MaxPool2d",
    "MaxPropagation",
    "NNConv",
    "PairReadout",
    "Propagation",
    "RGCNConv",
    "Readout",
    "Recipe",
    "Result",
    "Run",
    "SAGEConv",
    "SGConv",
    "Sequential",
    "TAGConv",
    "TransformerConv",
    "Upsample",
    "__version__",
    "data",
    "degree_features",
    "explain",
    "fit",
    "identity_features",
    "load_run",
    "models",
    "one_hot",
    "summary",
    "sweep",
    "training",
    "transfer",
]

# Searched in this order: a name waits for its module alone, and for torch only if that needs it.
_modules = (
    "training.recipe", "training.fit", "training.result", "domains", "layers", "inspect",
    "training", "operators", "models", "data", "transfer", "explain", "runs", "report", "basics",
    "cli", "errors",
)  # fmt: skip
sys.modules[__name__].__class__ = LazyPackage
former_module("gnnvision.summary", "gnnvision.inspect")
