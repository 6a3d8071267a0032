import copy
import pickle

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.operators import Shift

from ..graphs import GRAPHS, batch, undirected
from ..rings import Ring


def graph_net():
    return gv.Sequential(
        gv.GCNConv(4, 8),
        nn.ReLU(),
        gv.GraphPool(2),
        gv.Sequential(gv.SAGEConv(8, 6), nn.Tanh()),
        gv.GraphPool(2, "mean"),
        gv.Readout("mean"),
        nn.Linear(6, 3),
    )


def test_graph_layers_by_hand():
    graph, net = batch().without_weights(), graph_net()
    x = torch.randn(graph.num_nodes, 4)
    y = net[0](x, graph).relu()
    coarse = net[2].out_domain(graph)
    y = net[3][0](net[2](y, graph), coarse).tanh()
    coarsest = net[4].out_domain(coarse)
    expected = net[6](net[5](net[4](y, coarse), coarsest))
    torch.testing.assert_close(net(x, graph), expected)
    assert net(x, graph).shape == (graph.num_graphs, 3)
    assert net.out_domain(graph) is None
    torch.testing.assert_close(net[:2].out_domain(graph).edge_index, graph.edge_index)
    assert net[:5].out_domain(graph).num_nodes == coarsest.num_nodes


def test_graph_net_of_a_batch_equals_one_by_one():
    net = graph_net()
    graphs = [maker().without_weights() for name, maker in GRAPHS.items() if name != "batch"]
    x = [torch.randn(g.num_nodes, 4) for g in graphs]
    together = net(torch.cat(x), gv.Graph.batch(graphs))
    apart = [net(signal, graph) for signal, graph in zip(x, graphs, strict=True)]
    torch.testing.assert_close(together, torch.cat(apart))


def test_an_edge_index_will_do():
    net, graph = graph_net(), undirected()
    x = torch.randn(5, 4)
    torch.testing.assert_close(net(x, graph.edge_index), net(x, graph))


def test_grid_layers_with_and_without_domain():
    net = gv.Sequential(
        gv.Conv2d(3, 4, 3, padding="same"),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        gv.MaxPool2d(2),
        gv.Sequential(gv.Conv2d(4, 6, 3), gv.Upsample(scale_factor=2)),
        gv.Readout("max"),
        gv.Dropout(0.5),
        nn.Linear(6, 2),
    ).eval()
    plain = nn.Sequential(
        *net[:4], *net[4], nn.AdaptiveMaxPool2d(1), nn.Flatten(), *net[6:]
    ).eval()
    x, grid = torch.randn(2, 3, 8, 10), gv.Grid((8, 10))
    torch.testing.assert_close(net(x), plain(x))
    torch.testing.assert_close(net(x, grid), plain(x))
    assert net[:5].out_domain(grid) == gv.Grid(net[:5](x).shape[2:])
    assert net.out_domain(grid) is None


def test_a_graph_is_needed_where_a_layer_needs_one():
    with pytest.raises(
        TypeError, match="'domain' must be a Graph or an edge_index tensor, got No"
    ):
        graph_net()(torch.randn(5, 4))


def test_round_trips():
    net, graph, x = graph_net(), undirected(), torch.randn(5, 4)
    assert isinstance(net, nn.Sequential)
    other = graph_net()
    other.load_state_dict(net.state_dict())
    for copied in (other, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        torch.testing.assert_close(copied(x, graph), net(x, graph))


def test_sparse_features_through_dropout():
    net = gv.Sequential(gv.Dropout(0.5), gv.GCNConv(4, 3), gv.Dropout(0.5), gv.GCNConv(3, 2))
    x, graph = torch.rand(5, 4), undirected()
    torch.testing.assert_close(net.eval()(x.to_sparse(), graph), net(x, graph))
    assert net.train()(x.to_sparse(), graph).shape == (5, 2)


def test_empty_passes_the_signal():
    x = torch.randn(2, 3)
    assert gv.Sequential()(x) is x
    assert gv.Sequential().out_domain(gv.Grid((2,))) == gv.Grid((2,))


def test_layers_of_torch_leave_the_grid_that_their_output_has():
    net = gv.Sequential(
        gv.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)),
        nn.ConvTranspose2d(4, 8, 2, stride=2),
        gv.Conv2d(8, 6, 3),
        gv.Readout("mean"),
    )
    x, grid = torch.randn(2, 3, 10, 8), gv.Grid((10, 8))
    torch.testing.assert_close(net(x, grid), net[2](net[1](net[0](x))).mean((2, 3)))
    assert net[:1].out_domain(grid) == gv.Grid((4, 3))
    assert net[:3].out_domain(grid) == gv.Grid((6, 4))
    assert gv.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).out_domain(grid) is None


def test_a_grid_that_cannot_be_worked_out_names_the_layer():
    net = gv.Sequential(nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(
        ValueError, match=r"output domain of layer '1' \(Linear\) on Grid.* is unknown"
    ):
        net.out_domain(gv.Grid((10, 8)))


class Scaled(nn.Module):
    def forward(self, x, graph):
        return x / graph.num_nodes


def test_a_nested_module_gets_the_domain():
    net, graph, x = gv.Sequential(Scaled(), gv.Readout("sum")), batch(), None
    x = torch.randn(graph.num_nodes, 4)
    torch.testing.assert_close(net(x, graph), net[1](x / graph.num_nodes, graph))


def around(circle, dtype):
    sites = torch.arange(circle.num_sites)
    return [Shift((sites + step) % circle.num_sites, circle.num_sites) for step in (-1, 0, 1)]


def test_a_third_kind_of_domain():
    """Three shifts on a circle are a circular convolution of a time series."""
    own = gv.GraphConvolution(3, 4, operators=around, num_operators=3)
    conv = nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular")
    with torch.no_grad():
        conv.weight.copy_(own.weight.permute(2, 1, 0))
        conv.bias.copy_(own.bias)
    layers = (nn.BatchNorm1d(4), nn.ReLU(), gv.GraphNorm(4), gv.Readout("max"), nn.Linear(4, 2))
    net, x, circle = gv.Sequential(nn.Sequential(own), *layers), torch.randn(2, 3, 7), Ring(7)
    torch.testing.assert_close(net(x, circle), gv.Sequential(conv, *layers)(x))
    assert net[:3].out_domain(circle) is circle
    assert net.out_domain(circle) is None
    assert gv.Sequential(nn.Conv1d(4, 4, 3)).out_domain(circle) is None
    with pytest.raises(ValueError, match="must have the shape of a signal on Ring"):
        gv.Readout()(x, Ring(8))
