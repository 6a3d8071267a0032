"""Every layer and every named network, with a signal and a domain to run it on."""

from __future__ import annotations

import torch
from torch import nn

import gnnvision as gv


def graph():
    """Two members, edges of two kinds with weights and attributes, a node without edges."""
    made = []
    for size in (4, 3):
        edges = [(i, i + 1) for i in range(size - 2)]
        ring = gv.Graph.from_edges(edges, size, undirected=True)
        count = ring.num_edges
        made.append(
            gv.Graph(
                ring.edge_index,
                size,
                edge_attr=torch.rand(count, 3),
                edge_type=torch.arange(count) % 2,
                num_relations=2,
                graph_attr=torch.rand(1, 2),
            )
        )
    return gv.Graph.batch(made)


def mlp():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


ON_GRAPHS = {
    "GCNConv": lambda: gv.GCNConv(4, 2),
    "GCNConv, wide": lambda: gv.GCNConv(4, 6, improved=True),
    "ChebConv": lambda: gv.ChebConv(4, 2, K=3),
    "ChebConv, plain": lambda: gv.ChebConv(4, 2, K=3, normalization=None),
    "SAGEConv": lambda: gv.SAGEConv(4, 2),
    "GINConv": lambda: gv.GINConv(mlp(), train_eps=True),
    "GATv2Conv": lambda: gv.GATv2Conv(4, 2, heads=2, edge_dim=3),
    "RGCNConv": lambda: gv.RGCNConv(4, 2, 2),
    "GraphConv": lambda: gv.GraphConv(4, 2),
    "SGConv": lambda: gv.SGConv(4, 2, K=2),
    "TAGConv": lambda: gv.TAGConv(4, 2, K=2),
    "APPNP": lambda: gv.APPNP(K=2, alpha=0.1),
    "GATConv": lambda: gv.GATConv(4, 2, heads=2, edge_dim=3),
    "TransformerConv": lambda: gv.TransformerConv(4, 2, heads=2, edge_dim=3),
    "GINEConv": lambda: gv.GINEConv(mlp(), edge_dim=3),
    "NNConv": lambda: gv.NNConv(4, 2, nn.Linear(3, 8)),
    "EdgeConv": lambda: gv.EdgeConv(nn.Linear(8, 2)),
    "MaxPropagation": lambda: gv.MaxPropagation(),
    "GraphNorm": lambda: gv.GraphNorm(4),
    "RGCNConv, sum of bases": lambda: gv.RGCNConv(4, 2, 2, num_bases=2, aggr="sum"),
    "Readout, mean": lambda: gv.Readout("mean"),
    "Readout, sum": lambda: gv.Readout("sum"),
    "Readout, max": lambda: gv.Readout("max"),
    "PairReadout": lambda: gv.PairReadout(),
    "PairReadout, bilinear": lambda: gv.PairReadout("bilinear", 4),
    "PairReadout, mlp": lambda: gv.PairReadout("mlp", 4),
    "GraphPool, max": lambda: gv.GraphPool(2),
    "GraphPool, mean": lambda: gv.GraphPool(4, "mean"),
    "Sequential": lambda: gv.Sequential(gv.GCNConv(4, 3), nn.ReLU(), gv.Readout("mean")),
}
ON_GRIDS = {
    "Conv1d": (lambda: gv.Conv1d(3, 2, 3, padding="same"), (9,)),
    "Conv2d": (lambda: gv.Conv2d(3, 2, 3, stride=2, padding="same"), (9, 8)),
    "Conv2d, torus": (
        lambda: gv.Conv2d(3, 2, 3, padding="same", padding_mode="circular"),
        (9, 8),
    ),
    "Conv2d, full": (lambda: gv.Conv2d(3, 2, 3, padding="full"), (9, 8)),
    "Conv3d": (lambda: gv.Conv3d(3, 2, 2), (4, 4, 4)),
    "MaxPool2d": (lambda: gv.MaxPool2d(2), (9, 8)),
    "AvgPool2d": (lambda: gv.AvgPool2d(2), (9, 8)),
    "Upsample": (lambda: gv.Upsample(scale_factor=2), (4, 4)),
    "Readout": (lambda: gv.Readout("max"), (4, 4)),
}
OF_GRAPHS = {
    "gae": lambda: gv.models.gae(4, 6, 3),
    "gcn": lambda: gv.models.gcn(4, 8, 2),
    "graphsage": lambda: gv.models.graphsage(4, 8, 2),
    "classic_gcn": lambda: gv.models.classic_gcn(4, 8, 2),
    "molecule_gcn": lambda: gv.models.molecule_gcn(4, 2, 8, num_layers=2),
    "bond_network": lambda: gv.models.bond_network(4, 2, 8, bond_channels=3, descriptors=2),
    "graph_baseline": lambda: gv.models.graph_baseline(4, 2),
}
LARGE = {"inception_v3", "resnet50", "vgg16", "vgg19", "resnet34", "resnet18", "timm_network"}


def of_images():
    """Names of the networks for images that a test has time for; the large ones are like them."""
    left = set(gv.models.names()) - set(OF_GRAPHS) - LARGE - {"torchvision_network"}
    return sorted(left)


def network(name):
    if name in OF_GRAPHS:
        return OF_GRAPHS[name]()
    if name == "autoencoder":
        return gv.models.autoencoder(3, (16, 16), latent_channels=2)
    return gv.models.build(name, in_channels=3, num_classes=2, image_size=32)
