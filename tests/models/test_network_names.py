"""The names of networks as people write them."""

import pytest
from torch import nn
from torch_geometric.nn import GATConv

import gnnvision as gv
from gnnvision.models import network_name
from gnnvision.models.network_names import NAMES

IMAGES = {"in_channels": 3, "num_classes": 2}


class OverNeighbors(nn.Module):
    """A layer of a user's own with linear layers inside."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x, domain):
        return self.lin(x)[domain.edge_index[0]]


def test_every_network_of_the_package_has_one():
    assert set(NAMES) | {"torchvision_network"} <= set(gv.models.names())
    public = {name for name in gv.models.__all__ if name in gv.models.names()}
    assert public == set(NAMES) & public | {"torchvision_network"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (lambda: gv.models.gcn(4, 8, 2, num_layers=1), "GCN, 1 layer"),
        (lambda: gv.models.classic_gcn(4, 8, 2), "tuned GCN, 3 layers"),
        (lambda: gv.models.bond_network(4, 1), "D-MPNN, 3 layers"),
        (lambda: gv.models.autoencoder(image_size=(20, 25)), "autoencoder, 10-d latent"),
        (lambda: gv.models.build("resnet18", **IMAGES), "ResNet-18"),
        (lambda: gv.models.torchvision_network("mobilenet_v2", 2), "MobileNetV2"),
        (lambda: gv.models.torchvision_network("mnasnet0_5", 2), "mnasnet0_5"),
        (lambda: gv.Sequential(gv.GCNConv(4, 8), nn.ReLU(), nn.Linear(8, 2)), "GCN, 1 layer"),
        (lambda: gv.Sequential(gv.SAGEConv(4, 8), gv.SAGEConv(8, 2)), "GraphSAGE, 2 layers"),
        (lambda: gv.Sequential(GATConv(4, 8), GATConv(8, 2)), "GAT, 2 layers"),
        (lambda: gv.Sequential(gv.GCNConv(4, 8), gv.SAGEConv(8, 2)), "Sequential"),
        (lambda: gv.Sequential(gv.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)), "CNN, 2 convolutions"),
        (lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), "MLP, 2 layers"),
        (lambda: gv.Sequential(gv.Readout("mean"), nn.Linear(8, 2)), "MLP, 1 layer"),
        (lambda: gv.Sequential(OverNeighbors(), nn.ReLU(), nn.Linear(4, 2)), "Sequential"),
        (OverNeighbors, "OverNeighbors"),
        (lambda: nn.ReLU(), "ReLU"),
    ],
)
def test_the_name_of_a_network(model, name):
    assert network_name(model()) == name
