"""Values and gradients of every operator and layer on a device, compared with the CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

import gnnvision as gv
from gnnvision import operators
from gnnvision.operators import segment_reduce

__all__ = ["LAYERS", "OPERATORS", "difference"]

NODES, EDGES, CHANNELS, RELATIONS, ATTRIBUTES = 300, 2000, 16, 3, 4

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "GCNConv": lambda: gv.GCNConv(CHANNELS, 8),
    "ChebConv": lambda: gv.ChebConv(CHANNELS, 8, 3),
    "SAGEConv": lambda: gv.SAGEConv(CHANNELS, 8),
    "GINConv": lambda: gv.GINConv(nn.Linear(CHANNELS, 8)),
    "GraphConv": lambda: gv.GraphConv(CHANNELS, 8),
    "SGConv": lambda: gv.SGConv(CHANNELS, 8, K=2),
    "TAGConv": lambda: gv.TAGConv(CHANNELS, 8, K=2),
    "APPNP": lambda: gv.APPNP(K=3, alpha=0.1),
    "GATConv": lambda: gv.GATConv(CHANNELS, 8, heads=2, edge_dim=ATTRIBUTES),
    "GATv2Conv": lambda: gv.GATv2Conv(CHANNELS, 8, heads=2),
    "TransformerConv": lambda: gv.TransformerConv(CHANNELS, 8, heads=2, edge_dim=ATTRIBUTES),
    "GINEConv": lambda: gv.GINEConv(nn.Linear(CHANNELS, 8), edge_dim=ATTRIBUTES),
    "NNConv": lambda: gv.NNConv(CHANNELS, 8, nn.Linear(ATTRIBUTES, 8 * CHANNELS)),
    "EdgeConv": lambda: gv.EdgeConv(nn.Linear(2 * CHANNELS, 8)),
    "MaxPropagation": lambda: gv.MaxPropagation(),
    "GraphNorm": lambda: gv.GraphNorm(CHANNELS),
    "RGCNConv": lambda: gv.RGCNConv(CHANNELS, 8, RELATIONS),
    "Readout mean": lambda: gv.Readout("mean"),
    "Readout sum": lambda: gv.Readout("sum"),
    "Readout max": lambda: gv.Readout("max"),
    "GraphPool": lambda: gv.GraphPool(4, "mean"),
    "Conv1d": lambda: gv.Conv1d(CHANNELS, 8, 3, padding=1),
    "Conv2d": lambda: gv.Conv2d(CHANNELS, 8, 3, padding="same", padding_mode="reflect"),
    "Conv2d, strided": lambda: gv.Conv2d(CHANNELS, 8, 3, stride=2, padding=1),
    "Conv3d": lambda: gv.Conv3d(CHANNELS, 8, 3, padding="full"),
    "MaxPool2d": lambda: gv.MaxPool2d(2),
    "AvgPool2d": lambda: gv.AvgPool2d(2),
    "Upsample": lambda: gv.Upsample(scale_factor=2),
}
WEIGHTED = ("GCNConv", "ChebConv", "GraphConv", "SGConv", "TAGConv", "APPNP", "GraphPool")
GRID = {"Conv1d": (32,), "Conv3d": (6, 6, 6)}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-4}  # relative to the largest value


def graph(weighted: bool, dtype: torch.dtype = torch.float32) -> gv.Graph:
    """A batch of three graphs with parallel edges, self-loops, isolated nodes and relations."""
    draw = torch.Generator().manual_seed(0)
    third = NODES // 3
    members = []
    for _ in range(3):
        edges = torch.randint(0, third - 5, (2, EDGES // 3), generator=draw)
        members.append(
            gv.Graph(
                edges,
                third,
                edge_weight=torch.rand(EDGES // 3, generator=draw) if weighted else None,
                edge_attr=torch.rand(EDGES // 3, ATTRIBUTES, generator=draw, dtype=dtype),
                edge_type=torch.randint(0, RELATIONS, (EDGES // 3,), generator=draw),
                num_relations=RELATIONS,
            )
        )
    return gv.Graph.batch(members)


def _call_layer(name: str) -> Callable[[str, torch.dtype], tuple[Tensor, list[Tensor]]]:
    def call(device: str, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        draw = torch.Generator().manual_seed(1)
        torch.manual_seed(2)
        layer = LAYERS[name]().to(dtype)
        layer = copy.deepcopy(layer).to(device)
        domain: gv.Graph | gv.Grid
        if "Pool2d" in name or name.startswith(("Conv1", "Conv2", "Conv3", "Up")):
            size = GRID.get(name, (12, 10))
            domain = gv.Grid(size)
            x = torch.randn(2, CHANNELS, *size, generator=draw, dtype=dtype)
        else:
            domain = graph(name in WEIGHTED, dtype).to(device)
            x = torch.randn(NODES, CHANNELS, generator=draw, dtype=dtype)
        x = x.to(device).requires_grad_()
        return _with_gradients(layer(x, domain), [x, *layer.parameters()])

    return call


def _with_gradients(y: Tensor, inputs: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    slope = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)
    loss = (y * slope.to(y)).sum()
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    return y, [g for g in found if g is not None]


def _matrix(
    make: Callable[[gv.Graph, torch.dtype], object],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def call(device: str, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        x = torch.randn(NODES, CHANNELS, generator=torch.Generator().manual_seed(1), dtype=dtype)
        x = x.to(device).requires_grad_()
        return _with_gradients(make(graph(weighted=True).to(device), dtype) @ x, [x])

    return call


def _segments(reduce: str) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def call(device: str, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        x = torch.randn(NODES, CHANNELS, generator=torch.Generator().manual_seed(1), dtype=dtype)
        x = x.to(device).requires_grad_()
        offsets = torch.tensor([0, 0, 7, 150, NODES], device=device)
        return _with_gradients(segment_reduce(x, offsets, reduce), [x])

    return call


OPERATORS: dict[str, Callable[[str, torch.dtype], tuple[Tensor, list[Tensor]]]] = {
    "adjacency": _matrix(operators.adjacency),
    "mean adjacency": _matrix(operators.mean_adjacency),
    "normalized adjacency": _matrix(lambda g, d: operators.normalized_adjacency(g, dtype=d)),
    "Laplacian": _matrix(lambda g, d: operators.laplacian(g, "sym", dtype=d)),
    "segment sum": _segments("sum"),
    "segment mean": _segments("mean"),
    "segment max": _segments("max"),
} | {f"layer {name}": _call_layer(name) for name in LAYERS}


def difference(name: str, device: str, dtype: torch.dtype) -> float:
    """The largest difference from the CPU, relative to the largest value or gradient.

    A gradient that is small compared with the others, such as that of a bias within a softmax,
    which is 0 but for rounding, is compared on their scale.
    """
    call = OPERATORS[name]
    (here, grads), (there, others) = call("cpu", dtype), call(device, dtype)
    largest = [float(a.detach().abs().max()) for a in [here, *grads]]
    least, worst = 1e-3 * max(largest), 0.0
    for a, b, scale in zip([here, *grads], [there, *others], largest, strict=True):
        difference = float((a.detach() - b.detach().cpu()).abs().max())
        worst = max(worst, difference / max(scale, least, 1e-30))
    return worst
