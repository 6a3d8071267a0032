from typing import ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Conv1d, Conv2d, Conv3d, Graph, Grid, RGCNConv
from gnnvision.operators import nodes_from_pixels, pixels_from_nodes

from ..contracts import LinearGraphContract
from ..graphs import RELATIONS, directed, multi, random_graphs
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "mean": {},
    "sum": {"aggr": "sum"},
    "bases": {"num_bases": 2},
    "blocks": {"num_blocks": 2},
    "without root": {"root_weight": False},
    "without bias": {"bias": False},
}


class TestContract(LinearGraphContract):
    columns: ClassVar = ("edge_type",)
    make_cases: ClassVar = {
        name: lambda options=options: RGCNConv(4, 2, RELATIONS, **options)
        for name, options in VARIANTS.items()
    } | {"more relations than the graph": lambda: RGCNConv(3, 5, RELATIONS + 2)}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import RGCNConv as Peer

    graph = graph()
    if graph.num_nodes == 0:
        pytest.skip("torch-geometric has no answer")
    ours, theirs = (cls(4, 6, RELATIONS, **options) for cls in (RGCNConv, Peer))
    assert_equals_peer(ours, theirs, graph, ("edge_type",))


@given(random_graphs(), st.sampled_from(["mean", "sum"]))
def test_equals_torch_geometric_on_any_graph(graph, aggr):
    from torch_geometric.nn import RGCNConv as Peer

    ours, theirs = (cls(2, 3, RELATIONS, aggr=aggr) for cls in (RGCNConv, Peer))
    assert_equals_peer(ours, theirs, graph, ("edge_type",))


# --- the bridge: image convolution is relational convolution on the pixel graph ---------------

BRIDGES = {
    "3x3": (Conv2d, (5, 6), {"kernel_size": 3}),
    "3x5": (Conv2d, (5, 6), {"kernel_size": (3, 5)}),
    "even": (Conv2d, (5, 6), {"kernel_size": (2, 4)}),
    "dilated": (Conv2d, (7, 6), {"kernel_size": 3, "dilation": (2, 1)}),
    "torus": (Conv2d, (5, 4), {"kernel_size": 3, "padding_mode": "circular"}),
    "replicated": (Conv2d, (5, 4), {"kernel_size": 3, "padding_mode": "replicate"}),
    "reflected": (Conv2d, (5, 4), {"kernel_size": 3, "padding_mode": "reflect"}),
    "in groups": (Conv2d, (5, 4), {"kernel_size": 3, "groups": 2}),
    "without bias": (Conv2d, (5, 4), {"kernel_size": 3, "bias": False}),
    "1x1": (Conv2d, (5, 4), {"kernel_size": 1}),
    "time series": (Conv1d, (9,), {"kernel_size": 5}),
    "dilated time series": (Conv1d, (9,), {"kernel_size": 3, "dilation": 3}),
    "volume": (Conv3d, (3, 4, 5), {"kernel_size": 3}),
    "volume torus": (Conv3d, (3, 4, 3), {"kernel_size": (3, 2, 1), "padding_mode": "circular"}),
}


@pytest.mark.parametrize(("kind", "size", "options"), BRIDGES.values(), ids=BRIDGES)
def test_image_convolution_is_graph_convolution(kind, size, options):
    """Same weights, same output, same gradients by the pictures and by the weights."""
    conv = kind(4, 6, padding="same", **options)
    layer = RGCNConv.from_grid(conv)
    window = {k: options[k] for k in ("kernel_size", "dilation", "padding_mode") if k in options}
    graph = Graph.batch([Grid(size).to_graph(**window)] * 2)

    pictures = torch.randn(2, 4, *size, requires_grad=True)
    nodes = nodes_from_pixels(pictures.detach()).requires_grad_()
    on_grid, on_graph = conv(pictures), layer(nodes, graph)
    torch.testing.assert_close(pixels_from_nodes(on_graph, Grid(size)), on_grid)

    slope = torch.randn_like(on_grid)
    (on_grid * slope).sum().backward()
    (on_graph * nodes_from_pixels(slope)).sum().backward()
    torch.testing.assert_close(pixels_from_nodes(nodes.grad, Grid(size)), pictures.grad)
    by_offset = layer.weight.grad  # (K, C_in, C_out)
    if conv.groups == 1:
        expected = conv.weight.grad.flatten(2).permute(2, 1, 0)
        torch.testing.assert_close(by_offset, expected)
    else:  # the graph layer may also mix groups; where the picture's may too they agree
        conv.weight.grad, inner = None, conv.weight.grad
        own = torch.autograd.grad((conv.taps() * by_offset).sum(), conv.weight)[0]
        torch.testing.assert_close(own, inner)
    if conv.bias is not None:
        torch.testing.assert_close(layer.bias.grad, conv.bias.grad)


def test_the_bridge_has_the_same_operators():
    conv = Conv2d(2, 3, 3, padding="same", padding_mode="circular")
    grid = Grid((4, 5))
    ours = RGCNConv.from_grid(conv).operators(grid.to_graph(3, padding_mode="circular"))
    for S, shift in zip(ours, conv.operators(grid), strict=True):
        torch.testing.assert_close(S.to_dense(), shift.to_dense())


def test_from_grid_copies_the_weights():
    conv = Conv2d(2, 3, 3, padding="same")
    layer = RGCNConv.from_grid(conv)
    assert layer.weight.dtype is torch.float64
    before = layer.weight.detach().clone()
    torch.nn.init.zeros_(conv.weight)
    torch.testing.assert_close(layer.weight.detach(), before)
    assert RGCNConv.from_grid(conv.float()).bias.dtype is torch.float32


def test_from_grid_refuses_another_grid():
    for options in ({"padding": 0}, {"padding": "same", "stride": 2}, {"padding": "full"}):
        with pytest.raises(ValueError, match="'conv' must have stride 1 and padding 'same', got"):
            RGCNConv.from_grid(Conv2d(2, 3, 3, **options))
    RGCNConv.from_grid(Conv2d(2, 3, 3, padding=1))


def test_means_are_taken_within_each_relation():
    graph = multi()
    layer = RGCNConv(1, 1, RELATIONS)
    for r, S in enumerate(layer.operators(graph)[:RELATIONS]):
        here = graph.edge_type == r
        count = torch.zeros(6, 6).index_put(
            tuple(graph.edge_index[:, here].flip(0)), torch.ones(int(here.sum())), accumulate=True
        )
        torch.testing.assert_close(S.to_dense(), count / count.sum(1, keepdim=True).clamp(min=1))


def test_refusals():
    x, graph = torch.randn(5, 4), directed().without_weights()
    with pytest.raises(ValueError, match="'aggr' must be one of 'mean', 'sum', 'add', got 'max'"):
        RGCNConv(4, 2, 3, aggr="max")
    with pytest.raises(
        ValueError, match="'num_bases' must not be given together with 'num_blocks'"
    ):
        RGCNConv(4, 2, 3, num_bases=2, num_blocks=2)
    with pytest.raises(ValueError, match="'num_blocks' must divide 4 and 2 channels, got 3"):
        RGCNConv(4, 2, 3, num_blocks=3)
    with pytest.raises(ValueError, match=r"edge_type below num_relations=2, got 3 relations"):
        RGCNConv(4, 2, 2)(x, graph)
    with pytest.raises(ValueError, match=r"edge_type below num_relations=3, got no relations"):
        RGCNConv(4, 2, 3)(x, Graph(graph.edge_index, 5))
