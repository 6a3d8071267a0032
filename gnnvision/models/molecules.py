"""Networks for molecules: a GCN with a readout, and a directed message passing network."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import at_least, invalid
from gnnvision.layers import Dropout, GCNConv, OnDomain, Readout, Rescale, Sequential
from gnnvision.layers.bonds import EdgesOf, ToEdges, ToNodes
from gnnvision.layers.linear import linear
from gnnvision.models.registry import register
from gnnvision.operators.sparse import line_adjacency

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
    """The lectures' network: graph convolutions, the mean over the atoms, and a linear layer.

    The bonds are its edges; their features are not used.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        hidden_channels: width of every layer.
        num_layers: how many graph convolutions.
        dropout: the probability of zeroing a value before the linear layer, in training.

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
    """A directed message passing network (D-MPNN, as in Chemprop) with an MLP head.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        hidden_channels: width of every layer.
        bond_channels: features of a bond, the graph's `edge_attr`.
        descriptors: number of columns of `graph_attr` that the head also reads; 0 for none.
        depth: number of bonds that a message passes along.
        readout: the pooling over the atoms.
        dropout: the probability of zeroing a value, in training.

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
    """Directed message passing: a convolution on the line graph, whose nodes are directed bonds.

    The state of a directed bond is initialized from its first atom and its own features, and
    updated `depth - 1` times with the states of the bonds that lead to it, except its reverse.
    At the end each atom sums the states of the bonds that lead to it. Each of these steps is a
    convolution with `operators` and a `reference`: `to_edges`, `conv` and `to_nodes`.

    Args:
        in_channels: features of an atom.
        bond_channels: features of a bond.
        hidden_channels: width of the states.
        depth: number of bonds that a message passes along.
        dropout: the probability of zeroing a value, in training.

    Shapes:
        Input (N, in_channels), output (N, hidden_channels).
    """

    # Without weights, and shared by all: reports show the layers with weights.
    to_edges: ClassVar[ToEdges] = ToEdges()
    to_nodes: ClassVar[ToNodes] = ToNodes()

    def __init__(
        self,
        in_channels: int,
        bond_channels: int,
        hidden_channels: int,
        depth: int,
        dropout: float,
    ) -> None:
        super().__init__()
        at_least("depth", depth, 1)
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
            condition = "have edge_attr, the features of its bonds"
            advice = "Load molecules with gnnvision.data.load."
            raise invalid("domain", condition, "a graph without edge_attr", advice)
        first = self.to_edges(self.atom(x), domain) + self.bond(domain.edge_attr)
        state = first.relu()
        for _ in range(self.depth - 1):
            state = self.dropout((first + self._along(state, domain)).relu())
        received = self.to_nodes(state, EdgesOf(domain))
        out: Tensor = self.dropout((self.atom_last(x) + self.message_last(received)).relu())
        return out

    def _along(self, state: Tensor, graph: Graph) -> Tensor:
        """The convolution on the line graph, which the compiler does without."""
        if torch.compiler.is_compiling():
            return line_adjacency(graph, state.dtype).times(self.conv.lin(state))
        out: Tensor = self.conv(state, graph.line_graph)
        return out

    def out_domain(self, domain: Domain) -> Domain:
        """The same graph."""
        return domain


class MoleculeHead(nn.Module, OnDomain):
    """The head of a network for molecules: a readout, optional descriptors, and an MLP.

    Args:
        in_channels: features of an atom.
        num_outputs: targets or classes.
        descriptors: number of columns of `graph_attr` to read; 0 for none.
        readout: the pooling over the atoms.
        dropout: the probability of zeroing a value, in training.

    Shapes:
        Input (N, in_channels) and a batch of G graphs, output (G, num_outputs).
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
        # Descriptors have various units: each is scaled to mean 0 and standard deviation 1.
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
                raise invalid(
                    "domain",
                    f"have graph_attr with {self.descriptors} columns",
                    "none" if given is None else given.shape[1],
                    "Load the molecules with descriptors=True, or build the network with "
                    "descriptors=0.",
                )
            y = torch.cat([y, self.scale(given).clamp(-5, 5)], 1)
        out: Tensor = self.mlp(y)
        return out

    def out_domain(self, domain: Domain) -> None:
        """None: the output has no domain."""
        return None
