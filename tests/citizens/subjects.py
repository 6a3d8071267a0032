"""What the checks of this folder are run on: our layers and networks, and what others have.

A subject is a module and how it is called with tensors alone, so that layers of torch and
torch-geometric go through the same checks as ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch_geometric.nn as pyg
from torch import Tensor, nn

import gnnvision as gv
from gnnvision.training.export import Program

RELATIONS, ATTRIBUTES = 3, 2
# Sizes of one subject after another: nodes and edges, or images.
SIZES = ((7, 20), (40, 11), (150, 900))


@dataclass(frozen=True)
class Subject:
    """One module.

    Args:
        name: of the subject.
        make: builds the module.
        columns: the columns of a graph that it reads; None for images.
        channels: of the signal.
        size: of images.
        peer: whether it is a layer of another library, which is called with the tensors.
        max: whether it takes a maximum, of which torch has no second derivative.
        deep: whether it has many layers, whose own initial weights keep the scale of the signal.
    """

    name: str
    make: Callable[[], nn.Module]
    columns: tuple[str, ...] | None = ()
    channels: int = 3
    size: tuple[int, ...] = ()
    peer: bool = False
    max: bool = False
    deep: bool = False

    def build(self, dtype: torch.dtype | None = None) -> nn.Module:
        """The module in evaluation mode; biases, too, are random."""
        generator = torch.Generator().manual_seed(1)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = self.make().to(dtype or torch.get_default_dtype()).eval()
        with torch.no_grad():
            for parameter in () if self.deep else module.parameters():
                values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(0.3 * values)
        return module

    def program(self, dtype: torch.dtype | None = None) -> nn.Module:
        """The module as a function of tensors with names."""
        return (Direct if self.peer else Program)(self.build(dtype)).eval()

    def inputs(
        self, sites: int = 7, edges: int = 20, dtype: torch.dtype | None = None
    ) -> dict[str, Tensor]:
        """Inputs by name; `sites` nodes, or images."""
        generator = torch.Generator().manual_seed(sites + 1000 * edges)
        dtype = dtype or torch.get_default_dtype()

        def draw(*shape: int) -> Tensor:  # the same numbers in every dtype
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

        if self.columns is None:
            return {"x": draw(sites, self.channels, *self.size)}
        integers = partial(torch.randint, generator=generator)
        whole = "batch" in self.columns
        batch = torch.arange(sites) * 3 // sites  # three graphs
        source = integers(0, sites, (edges,))
        target = integers(0, sites, (edges,))
        if whole:  # no edge between two graphs
            source = torch.where(batch[source] == batch[target], source, target)
            order = source.argsort()
            source, target = source[order], target[order]
        held = {
            "edge_weight": draw(edges).abs() + 0.1,
            "edge_attr": draw(edges, ATTRIBUTES),
            "edge_type": integers(0, RELATIONS, (edges,)),
            "batch": batch,
        }
        edge_index = torch.stack([source, target])
        columns = {name: held[name] for name in self.columns}
        return {"x": draw(sites, self.channels), "edge_index": edge_index} | columns

    def domain(self, inputs: dict[str, Tensor]) -> gv.Graph | gv.Grid:
        """The domain of these inputs."""
        if self.columns is None:
            return gv.Grid(self.size)
        columns = {n: v for n, v in inputs.items() if n not in ("x", "edge_index", "batch")}
        if "edge_type" in columns:
            columns["num_relations"] = RELATIONS
        if "batch" in inputs:
            sizes = torch.bincount(inputs["batch"])
            columns["offsets"] = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        return gv.Graph(inputs["edge_index"], len(inputs["x"]), **columns)


class Direct(nn.Module):
    """A layer of another library, which takes the tensors in this order."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | None = None,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        edge_type: Tensor | None = None,
    ) -> Tensor:
        given = (edge_index, edge_weight, edge_attr, edge_type)
        return self.model(x, *[value for value in given if value is not None])


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def two_hops(graph: gv.Graph, dtype: torch.dtype) -> list[gv.operators.Operator]:
    """A user's own family, with every kind of expression."""
    A = gv.operators.normalized_adjacency(graph, dtype=dtype)
    return [gv.operators.I(graph, dtype), 0.5 * A + 0.5 * A @ A, A.T - A**3]


def one_operator(graph: gv.Graph, dtype: torch.dtype) -> list[gv.operators.Operator]:
    return two_hops(graph, dtype)[1:2]


WEIGHT, ATTR, TYPE, BATCH = ("edge_weight",), ("edge_attr",), ("edge_type",), ("batch",)

GRAPH_LAYERS = [
    Subject("GCNConv", lambda: gv.GCNConv(3, 5)),
    Subject("GCNConv, weights", lambda: gv.GCNConv(3, 2, improved=True), WEIGHT),
    Subject("ChebConv", lambda: gv.ChebConv(3, 2, K=3), WEIGHT),
    Subject("SAGEConv", lambda: gv.SAGEConv(3, 2, normalize=True)),
    Subject("GraphConv", lambda: gv.GraphConv(3, 2, aggr="mean"), WEIGHT),
    Subject("SGConv", lambda: gv.SGConv(3, 2, K=2), WEIGHT),
    Subject("TAGConv", lambda: gv.TAGConv(3, 2, K=2), WEIGHT),
    Subject("APPNP", lambda: gv.APPNP(K=3, alpha=0.1), WEIGHT),
    Subject("GINConv", lambda: gv.GINConv(mlp())),
    Subject("GINEConv", lambda: gv.GINEConv(mlp(), edge_dim=ATTRIBUTES), ATTR),
    Subject("NNConv", lambda: gv.NNConv(3, 2, nn.Linear(ATTRIBUTES, 6)), ATTR),
    Subject("GATConv", lambda: gv.GATConv(3, 2, heads=2, edge_dim=ATTRIBUTES), ATTR),
    Subject("TransformerConv", lambda: gv.TransformerConv(3, 2, 2, edge_dim=ATTRIBUTES), ATTR),
    Subject("EdgeConv", lambda: gv.EdgeConv(nn.Linear(6, 2)), max=True),
    Subject("MaxPropagation", lambda: gv.MaxPropagation(), max=True),
    Subject("GraphNorm", lambda: gv.GraphNorm(3), BATCH),
    Subject("GraphConvolution", lambda: gv.GraphConvolution(3, 2, operators=two_hops)),
    Subject("Propagation", lambda: gv.Propagation(one_operator)),
    Subject("GATv2Conv", lambda: gv.GATv2Conv(3, 2, heads=2)),
    Subject("GATv2Conv, attributes", lambda: gv.GATv2Conv(3, 2, edge_dim=2), ATTR),
    Subject("RGCNConv", lambda: gv.RGCNConv(3, 2, RELATIONS), TYPE),
    Subject("RGCNConv, bases", lambda: gv.RGCNConv(3, 2, RELATIONS, num_bases=2), TYPE),
    Subject("Readout, mean", lambda: gv.Readout("mean"), BATCH),
    Subject("Readout, sum", lambda: gv.Readout("sum"), BATCH),
    Subject("Readout, max", lambda: gv.Readout("max"), BATCH, max=True),
    Subject("PairReadout", lambda: gv.PairReadout()),
    Subject("PairReadout, bilinear", lambda: gv.PairReadout("bilinear", 3)),
    Subject("PairReadout, mlp", lambda: gv.PairReadout("mlp", 3)),
    Subject(
        "Sequential",
        lambda: gv.Sequential(
            gv.SAGEConv(3, 4), nn.Tanh(), gv.GCNConv(4, 2), gv.Dropout(0.5), gv.Readout("mean")
        ),
        BATCH,
    ),
]
GRAPH_NETWORKS = [
    Subject("gcn", lambda: gv.models.gcn(3, 4, 2)),
    Subject("gae", lambda: gv.models.gae(3, 4, 2)),
    Subject("graphsage", lambda: gv.models.graphsage(3, 4, 2)),
    Subject("classic_gcn", lambda: gv.models.classic_gcn(3, 4, 2, norm="layer", residual=True)),
    Subject("molecule_gcn", lambda: gv.models.molecule_gcn(3, 2, 4), BATCH),
    Subject(
        "bond_network",
        lambda: gv.models.bond_network(3, 2, 4, bond_channels=ATTRIBUTES),
        ("edge_attr", "batch"),
    ),
    Subject("graph_baseline", lambda: gv.models.graph_baseline(3, 2), BATCH),
]
PICTURE = {"columns": None, "channels": 2, "size": (6, 5)}
IMAGE_LAYERS = [
    Subject("Conv2d", lambda: gv.Conv2d(2, 3, 3, stride=2, padding="same"), **PICTURE),
    Subject("Conv2d, full", lambda: gv.Conv2d(2, 3, 3, padding="full"), **PICTURE),
    Subject("Conv1d", lambda: gv.Conv1d(2, 3, 3), None, 2, (9,)),
    Subject("Conv3d", lambda: gv.Conv3d(2, 3, 2), None, 2, (3, 4, 3)),
    Subject("MaxPool2d", lambda: gv.MaxPool2d(2), **PICTURE, max=True),
    Subject("AvgPool2d", lambda: gv.AvgPool2d(2), **PICTURE),
    Subject("Upsample", lambda: gv.Upsample(scale_factor=2), **PICTURE),
    Subject("Readout on a grid", lambda: gv.Readout("mean"), **PICTURE),
    Subject(
        "Sequential on a grid",
        lambda: gv.Sequential(
            gv.Conv2d(2, 3, 3, padding="same"),
            nn.BatchNorm2d(3),
            gv.Sequential(nn.Tanh(), gv.AvgPool2d(2)),
            gv.Dropout(0.5),
            gv.Readout("sum"),
            nn.Linear(3, 2),
        ),
        **PICTURE,
    ),
]


def _network(name: str, size: int, channels: int = 2, **more: object) -> Subject:
    def make() -> nn.Module:
        return gv.models.build(name, in_channels=channels, image_size=size, **more)

    return Subject(name, make, None, channels, (size, size), max=True, deep=True)


IMAGE_NETWORKS = [
    *[
        _network(name, size, num_classes=3)
        for name, size in {
            "lenet5": 20, "lenet5_notes": 20, "mnist_cnn": 10, "cifar_cnn": 12, "vgg_like": 12,
            "fashion_cnn": 12, "fashion_dnn": 8, "strided_cnn": 20, "small_resnet": 8,
            "xai_net": 18, "resnet18": 32,
        }.items()
    ],
    _network("autoencoder", 12),
    _network("whitened_cnn", 12, num_classes=3, widths=(4, 8, 8)),
]  # fmt: skip

# What torch and torch-geometric have.
TWINS = [
    Subject("nn.Conv2d", lambda: nn.Conv2d(2, 3, 3, stride=2), **PICTURE, peer=True),
    Subject("nn.Sequential", lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(2)),
            **PICTURE, peer=True),
    Subject("pyg GCNConv", lambda: pyg.GCNConv(3, 5), peer=True),
    Subject("pyg GCNConv, weights", lambda: pyg.GCNConv(3, 2, improved=True), WEIGHT, peer=True),
    Subject("pyg ChebConv", lambda: pyg.ChebConv(3, 2, K=3), WEIGHT, peer=True),
    Subject("pyg SAGEConv", lambda: pyg.SAGEConv(3, 2, normalize=True), peer=True),
    Subject("pyg GraphConv", lambda: pyg.GraphConv(3, 2, aggr="mean"), WEIGHT, peer=True),
    Subject("pyg SGConv", lambda: pyg.SGConv(3, 2, K=2), WEIGHT, peer=True),
    Subject("pyg TAGConv", lambda: pyg.TAGConv(3, 2, K=2), WEIGHT, peer=True),
    Subject("pyg APPNP", lambda: pyg.APPNP(K=3, alpha=0.1), WEIGHT, peer=True),
    Subject("pyg GINEConv", lambda: pyg.GINEConv(mlp(), edge_dim=ATTRIBUTES), ATTR, peer=True),
    Subject("pyg NNConv", lambda: pyg.NNConv(3, 2, nn.Linear(ATTRIBUTES, 6)), ATTR, peer=True),
    Subject("pyg GATConv", lambda: pyg.GATConv(3, 2, heads=2, edge_dim=2), ATTR, peer=True),
    Subject("pyg TransformerConv", lambda: pyg.TransformerConv(3, 2, 2, edge_dim=2), ATTR,
            peer=True),
    Subject("pyg EdgeConv", lambda: pyg.EdgeConv(nn.Linear(6, 2)), peer=True, max=True),
    Subject("pyg GINConv", lambda: pyg.GINConv(mlp()), peer=True),
    Subject("pyg GATv2Conv", lambda: pyg.GATv2Conv(3, 2, heads=2), peer=True),
    Subject("pyg GATv2Conv, attributes", lambda: pyg.GATv2Conv(3, 2, edge_dim=2), ATTR, peer=True),
    Subject("pyg RGCNConv", lambda: pyg.RGCNConv(3, 2, RELATIONS), TYPE, peer=True),
]  # fmt: skip
LAYERS = [*GRAPH_LAYERS, *IMAGE_LAYERS]
NETWORKS = [*GRAPH_NETWORKS, *IMAGE_NETWORKS]
