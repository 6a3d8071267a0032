from typing import ClassVar

import pytest
import torch
import torch_geometric.nn as peers

from gnnvision import APPNP, SGConv, TAGConv

from ..contracts import WeightedGraphContract
from ..graphs import undirected
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "simple": (SGConv, {"K": 3}),
    "simple without loops": (SGConv, {"K": 2, "add_self_loops": False, "bias": False}),
    "one matrix": (SGConv, {"K": 0}),
    "all powers": (TAGConv, {}),
    "powers of A": (TAGConv, {"K": 2, "normalize": False, "bias": False}),
}
PAGERANK = {
    "pagerank": {},
    "without loops": {"add_self_loops": False},
    "with A": {"normalize": False},
}


class TestContract(WeightedGraphContract):
    make_cases: ClassVar = {
        "simple": lambda: SGConv(4, 2, K=2),
        "powers": lambda: TAGConv(4, 2),
        "widening": lambda: TAGConv(3, 5, K=2, bias=False),
    }


@pytest.mark.parametrize(("kind", "options"), VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, kind, options):
    theirs = getattr(peers, kind.__name__)(4, 3, **options)
    assert_equals_peer(kind(4, 3, **options), theirs, graph(), ("edge_weight",))


@pytest.mark.parametrize("options", PAGERANK.values(), ids=PAGERANK)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_pagerank_equals_torch_geometric(graph, options):
    graph, slope = graph(), torch.randn(1, 3)
    ours, theirs = (cls(4, 0.2, **options) for cls in (APPNP, peers.APPNP))
    x = torch.randn(graph.num_nodes, 3, requires_grad=True)
    expected = theirs(x, graph.edge_index, graph.edge_weight)
    (gradient,) = torch.autograd.grad((expected * slope).sum(), x)
    for y in (ours(x, graph), ours(x, graph.edge_index, graph.edge_weight)):
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(torch.autograd.grad((y * slope).sum(), x)[0], gradient)
    torch.testing.assert_close(ours.reference(x, graph), expected)
    assert not ours.state_dict()


def test_pagerank_drops_edges_in_training_only():
    graph, x = undirected(), torch.randn(5, 3)
    layer = APPNP(2, 0.5, dropout=0.5)
    kept = layer.eval()(x, graph)
    torch.testing.assert_close(layer.reference(x, graph), kept)
    mean = torch.stack([layer.train()(x, graph) for _ in range(4000)]).mean(0)
    assert (layer(x, graph) - kept).abs().max() > 0
    torch.testing.assert_close(mean, kept, atol=0.05, rtol=0)
    gone = APPNP(3, 0.25, dropout=1.0)(x, graph)
    torch.testing.assert_close(gone, 0.25 * x)


def test_refusals():
    with pytest.raises(ValueError, match="'K' must be at least 0, got -1"):
        TAGConv(4, 2, K=-1)
    with pytest.raises(ValueError, match=r"'dropout' must be from 0 to 1, got 1\.5"):
        APPNP(3, 0.1, dropout=1.5)
