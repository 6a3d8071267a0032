"""The layers: one interface for images and graphs."""

from gnnvision.layers.attention import GATv2Conv
from gnnvision.layers.cheb import ChebConv
from gnnvision.layers.dropout import Dropout
from gnnvision.layers.edge import EdgeConv, MaxPropagation
from gnnvision.layers.gat import GATConv
from gnnvision.layers.gcn import GCNConv
from gnnvision.layers.gin import GINConv, GINEConv
from gnnvision.layers.graph import FamilyConvolution, GraphConvolution, Propagation
from gnnvision.layers.graphconv import GraphConv
from gnnvision.layers.grid import Conv1d, Conv2d, Conv3d, GridConvolution
from gnnvision.layers.interface import Convolution, FromSignal, FromTargets, OnDomain
from gnnvision.layers.nnconv import NNConv
from gnnvision.layers.norm import GraphNorm
from gnnvision.layers.pairs import PairReadout
from gnnvision.layers.pool import AvgPool2d, GraphPool, MaxPool2d, Upsample
from gnnvision.layers.powers import APPNP, SGConv, TAGConv
from gnnvision.layers.readout import Readout
from gnnvision.layers.rescale import Rescale
from gnnvision.layers.rgcn import RGCNConv
from gnnvision.layers.sage import SAGEConv
from gnnvision.layers.sequential import Sequential
from gnnvision.layers.transformer import TransformerConv
from gnnvision.layers.whitening import Whitening

__all__ = [
    "APPNP",
    "AvgPool2d",
    "ChebConv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Convolution",
    "Dropout",
    "EdgeConv",
    "FamilyConvolution",
    "FromSignal",
    "FromTargets",
    "GATConv",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "GINEConv",
    "GraphConv",
    "GraphConvolution",
    "GraphNorm",
    "GraphPool",
    "GridConvolution",
    "MaxPool2d",
    "MaxPropagation",
    "NNConv",
    "OnDomain",
    "PairReadout",
    "Propagation",
    "RGCNConv",
    "Readout",
    "Rescale",
    "SAGEConv",
    "SGConv",
    "Sequential",
    "TAGConv",
    "TransformerConv",
    "Upsample",
    "Whitening",
]
