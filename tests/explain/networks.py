"""Networks for looking into: positive ones, whose gradients show all that a number depends on."""

import torch
from torch import nn

import gnnvision as gv


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken")


class Residual(nn.Module):
    """Two ways of different lengths, added in place."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.again = nn.Conv2d(channels, channels, 5, padding=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.again(self.relu(self.conv(x)))
        y += x
        return self.relu(y)


def positive(model):
    """The same network in evaluation mode with positive weights: nothing cancels out."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_().add_(0.1)
    return model.to(torch.get_default_dtype()).eval()


def depends_on(model, x, domain, layer, site):
    """The sites of the input that a number of a layer has a gradient by. Shape (sites,)."""
    held = []
    x = x.clone().requires_grad_()
    handle = model.get_submodule(layer).register_forward_hook(lambda m, i, out: held.append(out))
    try:
        model(x, domain)
    finally:
        handle.remove()
    flat = held[-1].flatten(2)[0].T if x.ndim > 2 else held[-1]  # (S, C)
    (grad,) = torch.autograd.grad(flat[site].sum(), x)
    return (grad[0].abs().sum(0).flatten() if x.ndim > 2 else grad.abs().sum(1)) > 0


def molecule(smiles="CC(=O)Oc1ccccc1C(=O)O"):
    """Atoms' features and the graph of a molecule, with features of its bonds."""
    graph = gv.Graph.from_smiles(smiles)
    attr = torch.rand(graph.num_edges, 4)
    graph = gv.Graph(graph.edge_index, graph.num_nodes, edge_attr=attr)
    return torch.rand(graph.num_nodes, 5) + 0.1, graph


def hooks_of(model):
    """How many hooks a model has."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)
