"""Small networks and signals that the tests of explanations share."""

import torch
from torch import nn

import gnnvision as gv

SMILES = "CCO", "c1ccccc1O", "CC(=O)N", "ClCCCl"


def warm(model, seed=1):
    """With biases and statistics of norms, so that nothing is 0 by chance."""
    generator = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        if p.ndim == 1:
            p.data += 0.3 * torch.randn(p.shape, generator=generator)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return model.eval()


def molecules(bonds=4):
    """A batch of four graphs with edge attributes, and 5 features of their nodes."""
    generator = torch.Generator().manual_seed(3)
    batch = gv.Graph.batch([gv.Graph.from_smiles(text) for text in SMILES])
    attr = torch.rand(batch.num_edges, bonds, generator=generator)
    batch = gv.Graph(batch.edge_index, batch.num_nodes, edge_attr=attr, offsets=batch.offsets)
    return torch.rand(batch.num_nodes, 5, generator=generator), batch


def cnn(act=nn.ReLU, classes=3):
    return warm(
        gv.Sequential(
            gv.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), act(), gv.MaxPool2d(2),
            gv.Conv2d(8, 8, 3, padding=1), act(), gv.Readout("mean"), nn.Linear(8, classes),
        )
    )  # fmt: skip


def smooth(model):
    """The same network without kinks, on which quadratures soon agree."""
    for name, layer in model.named_children():
        if isinstance(layer, nn.ReLU):
            setattr(model, name, nn.Softplus())
        if isinstance(layer, nn.MaxPool2d):
            setattr(model, name, gv.AvgPool2d(2))
    return model


def gcn(norm=False):
    middle = [nn.BatchNorm1d(16)] if norm else []
    return warm(
        gv.Sequential(
            gv.GCNConv(5, 16), *middle, nn.ReLU(), gv.GCNConv(16, 16), nn.ReLU(),
            gv.Readout("mean"), nn.Linear(16, 3),
        )
    )  # fmt: skip


def bonds():
    return warm(gv.models.bond_network(5, 3, 16, bond_channels=4))


def images(count=3, size=(8, 10)):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(2))


def cases():
    """A model, a signal and its domain, for images and for graphs."""
    x, graph = molecules()
    return {
        "cnn": (cnn(), images(), gv.Grid((8, 10))),
        "gcn": (gcn(norm=True), x, graph),
        "bond_network": (bonds(), x, graph),
    }


def state_of(model):
    """All that an explanation must leave as it was."""
    hooks = [
        (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
        for m in model.modules()
    ]
    return (
        [m.training for m in model.modules()],
        hooks,
        [p.requires_grad for p in model.parameters()],
        [p.grad is None for p in model.parameters()],
        [value.clone() for value in model.state_dict().values()],
    )


def same(before, after):
    return before[:4] == after[:4] and all(
        torch.equal(a, b) for a, b in zip(before[4], after[4], strict=True)
    )
