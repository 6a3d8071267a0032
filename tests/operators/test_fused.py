"""A layer on a small signal as one step equals the general form, with all derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import gnnvision as gv
from gnnvision.operators import dense, fused

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "gcn": lambda: gv.GCNConv(6, 9),
    "gcn without bias": lambda: gv.GCNConv(6, 9, bias=False),
    "sage": lambda: gv.SAGEConv(6, 9),
    "sum": lambda: gv.SAGEConv(6, 6, aggr="sum", root_weight=False),
    "graph": lambda: gv.GraphConv(6, 9),
    "gin": lambda: gv.GINConv(nn.Linear(6, 9), eps=0.3),
}


def batch() -> gv.Graph:
    """Graphs of a batch, of which the first section has some."""
    made = torch.Generator().manual_seed(1)
    sizes = [4, 7, 1, 5, 3]
    graphs = [
        gv.Graph(torch.randint(0, n, (2, 2 * n), generator=made), num_nodes=n) for n in sizes
    ]
    return gv.Graph.batch(graphs)


def sections() -> list[gv.Graph]:
    whole = batch()
    middle = whole.section(1, 4)[0]
    return [whole, middle, middle.section(1, 3)[0]]


def gradients(layer: nn.Module, x: Tensor, graph: gv.Graph) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = layer(x, graph)
    seed = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], seed)]


@pytest.mark.parametrize("onednn", [False, True])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients_are_those_of_the_general_form(
    name: str, which: int, onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "_is_amd", lambda: onednn and torch.backends.mkldnn.is_available())
    monkeypatch.setattr(dense, "LEAST", 1)
    graph = sections()[which]
    dtype = torch.float32 if onednn else torch.float64
    layer = LAYERS[name]().to(dtype)
    x = torch.randn(graph.num_nodes, 6, dtype=dtype)
    quick = gradients(layer, x, graph)
    reference = layer.reference(x, graph)  # type: ignore[operator]
    monkeypatch.setattr(fused, "FEW", 0)
    general = gradients(layer, x, graph)
    torch.testing.assert_close(quick[0], reference)
    for a, b in zip(quick, general, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4 if onednn else 1e-9, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def second() -> list[Tensor]:
        value = x.clone().requires_grad_()
        y = layer(value, graph).sin().sum()
        (first,) = torch.autograd.grad(y, value, create_graph=True)
        return list(torch.autograd.grad(first.square().sum(), list(layer.parameters())[:2]))

    graph, layer = batch(), LAYERS[name]().double()
    x = torch.randn(graph.num_nodes, 6, dtype=torch.float64)
    quick = second()
    monkeypatch.setattr(fused, "FEW", 0)
    for a, b in zip(quick, second(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_fixed_input_and_no_gradient() -> None:
    graph, layer = batch(), gv.GCNConv(6, 9)
    x = torch.randn(graph.num_nodes, 6)
    y = layer(x, graph)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, graph), y)
    y.sum().backward()
    assert layer.lin.weight.grad is not None


def test_a_graph_without_edges_or_nodes() -> None:
    for nodes in (0, 3):
        graph = gv.Graph(torch.zeros(2, 0, dtype=torch.int64), num_nodes=nodes)
        for make in LAYERS.values():
            layer = make()
            assert layer(torch.ones(nodes, 6), graph).shape[0] == nodes


def test_one_step_of_differentiation() -> None:
    layer, graph = gv.SAGEConv(6, 9), batch()
    x = torch.ones(graph.num_nodes, 6, requires_grad=True)
    assert layer(x, graph).grad_fn.name() == "_FusedSumBackward"


def test_on_a_frontier_and_with_an_activation_in_place() -> None:
    layer, graph = gv.GCNConv(6, 9).float(), batch()
    x = torch.randn(graph.num_nodes, 6, dtype=torch.float32, requires_grad=True)
    whole = layer(x, graph)
    frontier = graph.frontier(torch.tensor([3, 0]), hops=1)
    here = layer(x[frontier.nodes], frontier)
    torch.testing.assert_close(here, whole[[3, 0]])
    nn.ReLU(inplace=True)(whole).sum().backward()
    assert x.grad is not None
