"""Networks for molecules: the lectures' graph convolutions, and one that follows the bonds."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.layers import Dropout, GCNConv, OnDomain, Readout, Rescale, Sequential
from gnnvision.layers.memory import linear
from gnnvision.models.registry import register
from gnnvision.operators import arriving, leaving

__all__ = ["BondMessages", "MoleculeHead", "bond_network", "molecule_gcn"]


@register
def molecule_gcn(
    in_channels: int,
    num_outputs: int,
    hidden_channels: int = 128,
    *,
    num_layers: int = 3,
    dropout: float = 0.0,
) -> Sequential:
    """The network of the lectures: graph convolutions, the mean over the atoms, a linear layer.

    Bonds count as edges, whatever their kind.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        hidden_channels: width of every layer.
        num_layers: how many graph convolutions.
        dropout: the chance that a number is left out before the linear layer, in training.

    Returns:
        A network from (N, in_channels) and a batch of G graphs to (G, num_outputs).

    References:
        Kipf, Welling, "Semi-Supervised Classification with Graph Convolutional Networks",
        2017, https://arxiv.org/abs/1609.02907, equation 2, with a mean readout.

    Example:
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> molecule_gcn(4, 1)(torch.ones(2, 4), graph).shape
        torch.Size([1, 1])
    """
    widths = [in_channels, *[hidden_channels] * num_layers]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [GCNConv(narrow, wide), nn.ReLU()]
    last = [nn.Linear(hidden_channels, num_outputs), Rescale(num_outputs)]
    return Sequential(*layers, Readout("mean"), Dropout(dropout), *last)


@register
def bond_network(
    in_channels: int,
    num_outputs: int,
    hidden_channels: int = 128,
    *,
    bond_channels: int = 16,
    descriptors: int = 0,
    depth: int = 3,
    readout: Literal["mean", "sum"] = "mean",
    dropout: float = 0.0,
) -> Sequential:
    """The strong network: messages along bonds that do not turn round, and a head.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        hidden_channels: width of every layer.
        bond_channels: features of a bond, the graph's `edge_attr`.
        descriptors: columns of the graph's `graph_attr` that the head also reads; 0 for none.
        depth: how many bonds a message passes.
        readout: over the atoms.
        dropout: the chance that a number is left out, in training.

    Returns:
        A network from (N, in_channels) and a batch of G graphs to (G, num_outputs).

    References:
        Yang et al., "Analyzing Learned Molecular Representations for Property Prediction",
        2019, https://arxiv.org/abs/1904.01561, section 3.1.
    """
    return Sequential(
        BondMessages(in_channels, bond_channels, hidden_channels, depth, dropout),
        MoleculeHead(hidden_channels, num_outputs, descriptors, readout, dropout),
    )


class BondMessages(nn.Module, OnDomain):
    """Directed message passing: a convolution on the line graph, whose sites are the bonds.

    Each bond, in each direction, starts from its first atom and its own features, and receives
    `depth - 1` times from the bonds that lead to it, its own way back left out. In the end each
    atom receives from the bonds that arrive.

    Args:
        in_channels: features of an atom.
        bond_channels: features of a bond.
        hidden_channels: width.
        depth: how many bonds a message passes.
        dropout: the chance that a number is left out, in training.

    Shapes:
        Input (N, in_channels), output (N, hidden_channels).
    """

    def __init__(
        self,
        in_channels: int,
        bond_channels: int,
        hidden_channels: int,
        depth: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"'depth' must be at least 1, got {depth}. Raise it.")
        self.depth = depth
        self.atom = linear(in_channels, hidden_channels)
        self.bond = linear(bond_channels, hidden_channels)
        self.conv = GCNConv(hidden_channels, hidden_channels, normalize=False, bias=False)
        self.atom_last = linear(in_channels, hidden_channels, bias=True)
        self.message_last = linear(hidden_channels, hidden_channels)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, domain: Graph) -> Tensor:
        """(N, in_channels) -> (N, hidden_channels)."""
        if domain.edge_attr is None:
            raise ValueError(
                "'domain' must have edge_attr, the features of its bonds, got a graph without. "
                "Load molecules with gnnvision.data.load."
            )
        dtype = x.dtype
        first = leaving(domain, dtype).T.times(self.atom(x)) + self.bond(domain.edge_attr)
        state = first.relu()
        lines = domain.line_graph
        for _ in range(self.depth - 1):
            state = self.dropout((first + self.conv(state, lines)).relu())
        received = arriving(domain, dtype).times(state)
        out: Tensor = self.dropout((self.atom_last(x) + self.message_last(received)).relu())
        return out

    def out_domain(self, domain: Domain) -> Domain:
        """The same graph."""
        return domain


class MoleculeHead(nn.Module, OnDomain):
    """From atoms to the answer: a readout, descriptors beside it if wanted, and an MLP.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        descriptors: columns of `graph_attr` to read; 0 for none.
        readout: over the atoms.
        dropout: the chance that a number is left out, in training.

    Shapes:
        Input (N, in_channels) and a graph of G members, output (G, num_outputs).
    """

    def __init__(
        self,
        in_channels: int,
        num_outputs: int,
        descriptors: int,
        readout: Literal["mean", "sum"],
        dropout: float,
    ) -> None:
        super().__init__()
        self.readout = Readout(readout)
        self.norm = nn.BatchNorm1d(in_channels)
        self.descriptors = descriptors
        # Descriptors have all sorts of units: each is brought to mean 0 and deviation 1.
        self.scale = nn.BatchNorm1d(descriptors, affine=False) if descriptors else None
        self.mlp = nn.Sequential(
            Dropout(dropout),
            nn.Linear(in_channels + descriptors, in_channels),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(in_channels, num_outputs),
            Rescale(num_outputs),
        )

    def forward(self, x: Tensor, domain: Graph) -> Tensor:
        """(N, in_channels) -> (G, num_outputs)."""
        y = self.norm(self.readout(x, domain))
        if self.scale is not None:
            given = domain.graph_attr
            if given is None or given.shape[1] != self.descriptors:
                raise ValueError(
                    f"'domain' must have graph_attr with {self.descriptors} columns, got "
                    f"{'none' if given is None else given.shape[1]}. Load the molecules with "
                    "descriptors=True, or build the network with descriptors=0."
                )
            y = torch.cat([y, self.scale(given).clamp(-5, 5)], 1)
        out: Tensor = self.mlp(y)
        return out

    def out_domain(self, domain: Domain) -> None:
        """None: the sites are gone."""
        return None
