"""The layers: one interface for images and graphs."""

from gnnvision.layers.attention import GATv2Conv
from gnnvision.layers.cheb import ChebConv
from gnnvision.layers.dropout import Dropout
from gnnvision.layers.edge import EdgeConv, MaxPropagation
from gnnvision.layers.gcn import GCNConv
from gnnvision.layers.gin import GINConv
from gnnvision.layers.graph import GraphConvolution, Propagation
from gnnvision.layers.grid import Conv1d, Conv2d, Conv3d, GridConvolution
from gnnvision.layers.interface import Convolution, FromSignal, FromTargets, OnDomain
from gnnvision.layers.norm import GraphNorm
from gnnvision.layers.pool import AvgPool2d, GraphPool, MaxPool2d, Upsample
from gnnvision.layers.readout import Readout
from gnnvision.layers.rescale import Rescale
from gnnvision.layers.rgcn import RGCNConv
from gnnvision.layers.sage import SAGEConv
from gnnvision.layers.sequential import Sequential
from gnnvision.layers.whitening import Whitening

__all__ = [
    "AvgPool2d",
    "ChebConv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Convolution",
    "Dropout",
    "EdgeConv",
    "FromSignal",
    "FromTargets",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "GraphConvolution",
    "GraphNorm",
    "GraphPool",
    "GridConvolution",
    "MaxPool2d",
    "MaxPropagation",
    "OnDomain",
    "Propagation",
    "RGCNConv",
    "Readout",
    "Rescale",
    "SAGEConv",
    "Sequential",
    "Upsample",
    "Whitening",
]
