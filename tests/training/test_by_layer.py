"""Outputs that are computed layer by layer equal those of the whole graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gnnvision as gv
from gnnvision.training import by_layer
from gnnvision.training.by_layer import INPUT, hops_of_layers, outputs_by_layer

NODES, CHANNELS = 90, 6


def random_graph() -> gv.Graph:
    generator = torch.Generator().manual_seed(0)
    return gv.Graph(torch.randint(NODES - 2, (2, 400), generator=generator), NODES)


class Skips(nn.Module):
    """Skip connections, a norm, a layer that is called twice, and a sum over layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = gv.GCNConv(CHANNELS, 6), gv.SAGEConv(6, 6)
        self.third, self.norm = gv.GATConv(6, 6), nn.BatchNorm1d(6)
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor, graph: Any) -> Tensor:
        a = self.first(x, graph).relu()
        b = self.norm(self.second(a, graph))
        b = (b + graph.restrict(x, b)).relu()
        c = self.second(b, graph)
        d = self.third(c, graph)
        return self.head(torch.cat([graph.restrict(b, d), d], 1))


MODELS: dict[str, Any] = {
    "GCN": lambda: gv.models.gcn(CHANNELS, 8, 3),
    "with batch norm": lambda: gv.models.classic_gcn(CHANNELS, 8, 3, num_layers=3),
    "several hops": lambda: gv.Sequential(
        gv.TAGConv(CHANNELS, 4, K=2), nn.ReLU(), gv.ChebConv(4, 3, K=3)
    ),
    "over edges": lambda: gv.Sequential(
        gv.GINConv(nn.Sequential(nn.Linear(CHANNELS, 4), nn.ReLU())), gv.EdgeConv(nn.Linear(8, 3))
    ),
    "skips": Skips,
    "without convolutions": lambda: nn.Sequential(nn.Linear(CHANNELS, 3)),
}


@pytest.mark.parametrize("memory", [2**30, 10_000])
@pytest.mark.parametrize("name", MODELS)
def test_layer_by_layer_equals_the_whole_graph(name: str, memory: int) -> None:
    graph, x = random_graph(), torch.randn(NODES, CHANNELS)
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        expected = model(x) if name == "without convolutions" else model(x, graph)
    for nodes in (None, [50, 0, 89]):
        found = outputs_by_layer(model, lambda n: x[n], graph, nodes, memory=memory)
        torch.testing.assert_close(found, expected if nodes is None else expected[nodes])
    model.train()
    outputs_by_layer(model, lambda n: x[n], graph, [1])
    assert model.training
    assert not any("forward" in vars(module) for module in model.modules())


def test_blocks_are_as_small_as_the_memory_asks() -> None:
    graph, x = random_graph(), torch.randn(NODES, CHANNELS)
    largest = 0

    def rows(nodes: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, len(nodes))
        return x[nodes]

    outputs_by_layer(gv.models.gcn(CHANNELS, 8, 3), rows, graph, memory=8_000)
    assert largest < NODES / 2


def test_what_a_later_layer_does_not_need_is_dropped() -> None:
    graph, x = random_graph().by_target, torch.randn(NODES, CHANNELS)
    network = by_layer._Network(Skips().eval(), lambda n: x[n], graph, torch.device("cpu"))
    assert [sorted(stage.needs) for stage in network.stages] == [
        [INPUT], [0], [INPUT, 1], [2], [INPUT, 1, 3],
    ]  # fmt: skip


def test_hops_of_layers() -> None:
    x = torch.randn(NODES, CHANNELS)
    model = MODELS["several hops"]()
    assert hops_of_layers(model, lambda n: x[n], random_graph().by_target) == [2, 2]


def test_a_readout_is_refused() -> None:
    model = gv.Sequential(gv.GCNConv(CHANNELS, 4), gv.Readout("mean"))
    x = torch.randn(NODES, CHANNELS)
    with pytest.raises(TypeError, match="'domain' must be a Graph for Readout"):
        outputs_by_layer(model, lambda n: x[n], random_graph())
