import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from gnnvision import Graph, Grid, Readout

from ..graphs import GRAPHS, batch, make, undirected

REDUCE = ["mean", "sum", "max"]


@pytest.mark.parametrize("reduce", REDUCE)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_equals_torch_geometric(reduce, sizes):
    from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

    peer = {"mean": global_mean_pool, "sum": global_add_pool, "max": global_max_pool}[reduce]
    graph = Graph.batch([make([], n) for n in sizes])
    x = torch.randn(graph.num_nodes, 3)
    expected = peer(x, graph.graph_index, size=len(sizes))
    torch.testing.assert_close(Readout(reduce)(x, graph), expected)
    assert (expected[torch.tensor(sizes) == 0] == 0).all()


@pytest.mark.parametrize("reduce", REDUCE)
def test_grid_by_its_definition(reduce):
    for size in [(5,), (3, 4), (2, 3, 2)]:
        x = torch.randn(2, 3, *size)
        flat = x.flatten(2)
        expected = {"mean": flat.mean(2), "sum": flat.sum(2), "max": flat.amax(2)}[reduce]
        torch.testing.assert_close(Readout(reduce)(x), expected)
        torch.testing.assert_close(Readout(reduce)(x, Grid(size)), expected)


@pytest.mark.parametrize("reduce", REDUCE)
def test_a_grid_and_its_pixel_graph_agree(reduce):
    x = torch.randn(1, 3, 4, 5)
    nodes = x[0].flatten(1).T
    graph = Grid((4, 5)).to_graph()
    torch.testing.assert_close(Readout(reduce)(nodes, graph), Readout(reduce)(x))


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_batch_equals_one_by_one(maker, reduce):
    graph = maker()
    x = torch.randn(graph.num_nodes, 2)
    pieces = [
        Readout(reduce)(x[i:j], member)
        for i, j, member in zip(
            graph.offsets[:-1], graph.offsets[1:], graph.unbatch(), strict=True
        )
    ]
    torch.testing.assert_close(Readout(reduce)(x, graph), torch.cat(pieces))


@pytest.mark.parametrize("reduce", REDUCE)
def test_order_of_nodes_does_not_matter(reduce):
    x, graph = torch.randn(5, 3), undirected()
    order = torch.randperm(5)
    torch.testing.assert_close(Readout(reduce)(x[order], graph), Readout(reduce)(x, graph))


@pytest.mark.parametrize("reduce", REDUCE)
def test_gradcheck(reduce):
    graph = batch()
    x = torch.randn(graph.num_nodes, 2, requires_grad=True)
    assert gradcheck(lambda x: Readout(reduce)(x, graph), (x,))
    pictures = torch.randn(2, 2, 3, 2, requires_grad=True)
    assert gradcheck(Readout(reduce), (pictures,))


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions(reduce, dtype):
    graph, x = batch(), torch.randn(batch().num_nodes, 3)
    y = Readout(reduce)(x.to(dtype), graph)
    assert y.dtype is dtype
    torch.testing.assert_close(y.double(), Readout(reduce)(x, graph), atol=0.05, rtol=0.05)


def test_refusals():
    with pytest.raises(
        ValueError, match="'reduce' must be one of 'mean', 'sum', 'max', got 'min'"
    ):
        Readout("min")
    with pytest.raises(
        ValueError, match=r"'x' must have the shape of a signal on Graph.*, got \(4, 2\)"
    ):
        Readout()(torch.ones(4, 2), undirected())
    with pytest.raises(ValueError, match="pass the graph as 'domain'"):
        Readout()(torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"'x' must have the shape of a signal on Grid"):
        Readout()(torch.ones(1, 2, 3, 3), Grid((3, 4)))
    assert Readout().out_domain(undirected()) is None


def with_readout():
    """A network whose compiled backward pass computes the input of the readout again."""
    layers = torch.nn.BatchNorm2d(16), torch.nn.SiLU(), Readout("max")
    return torch.nn.Sequential(*layers).float()


def gradient(network, x):
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = network(x)
    y.float().square().sum().backward()
    return x.grad.float()


def test_the_compiler_is_given_no_maximum_whose_gradient_is_nan():
    """`amax` divides by how many sites equal the maximum: none, where its input is recomputed."""
    asked = []

    def backend(module, inputs):
        asked.extend(str(node.target) for node in module.graph.nodes)
        return module.forward

    x = torch.randn(8, 16, 4, 4, dtype=torch.bfloat16)
    compiled = torch.compile(with_readout(), backend=backend, fullgraph=True)
    assert gradient(compiled, x).isfinite().all()
    assert "max" in asked
    assert "amax" not in asked


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_the_compiled_gradient_in_half_precision_is_that_of_the_layer():
    torch.manual_seed(0)
    network = with_readout()
    x = torch.randn(8, 16, 4, 4).bfloat16().to(memory_format=torch.channels_last)
    expected = gradient(network, x)
    found = gradient(torch.compile(network), x)
    assert found.isfinite().all()
    close = torch.isclose(found, expected, atol=0.02, rtol=0.02)
    assert (
        close.float().mean() > 0.99
    )  # equal maxima of a channel share the gradient, or one has it
