import copy
import gc
from typing import ClassVar

import pytest
import torch

from gnnvision import (
    GCNConv,
    Graph,
    GraphConvolution,
    GraphPool,
    Grid,
    Propagation,
    SAGEConv,
    Sequential,
)
from gnnvision.layers import FamilyConvolution
from gnnvision.layers.calls import as_graph
from gnnvision.layers.graph import weighted_sum
from gnnvision.layers.missing import check_not_nan
from gnnvision.operators import (
    I,
    Identity,
    adjacency,
    arriving,
    laplacian,
    leaving,
    mean_adjacency,
    normalized_adjacency,
    scaled_laplacian,
)

from ..contracts import WeightedGraphContract
from ..graphs import directed, undirected


def test_as_graph_remembers_while_the_tensor_lives():
    edge_index, x = undirected().edge_index.clone(), torch.randn(5, 4)
    first = as_graph(edge_index, x)
    assert as_graph(edge_index, x) is first
    assert as_graph(edge_index.clone(), x) is not first
    assert as_graph(first, x) is first


def test_as_graph_reads_what_changed():
    edge_index, x = undirected().edge_index.clone(), torch.randn(5, 4)
    first = as_graph(edge_index, x)
    assert as_graph(edge_index, torch.randn(6, 4)).num_nodes == 6
    weight = torch.rand(10)
    weighted = as_graph(edge_index, x, weight)
    assert weighted.edge_weight is not None
    assert as_graph(edge_index, x, weight) is weighted
    assert as_graph(edge_index, x, weight.clone()) is weighted
    weight[0] += 1
    assert as_graph(edge_index, x, weight).edge_weight[0] == weight[0]
    assert as_graph(edge_index, x).edge_weight is None
    edge_index.resize_(2, 4)
    assert as_graph(edge_index, x).num_edges == 4
    assert first.num_edges == 10


def test_as_graph_never_remembers_a_learned_weight():
    edge_index, x = directed().edge_index.clone(), torch.randn(5, 4)
    weight = torch.rand(5, requires_grad=True)
    assert as_graph(edge_index, x, weight) is not as_graph(edge_index, x, weight)


def test_what_is_remembered_goes_with_the_tensor():
    from gnnvision.layers import calls

    edge_index = undirected().edge_index.clone()
    as_graph(edge_index, torch.randn(5, 4))
    gc.collect()
    before = len(calls._graphs)
    del edge_index
    gc.collect()
    assert len(calls._graphs) == before - 1


def test_editing_the_graphs_own_edge_index_is_noticed():
    for layer in (GCNConv(4, 2), SAGEConv(4, 2), Sequential(GraphPool(2), GCNConv(4, 2))):
        graph, x = undirected(), torch.randn(5, 4)
        layer(x, graph)
        graph.edge_index[0, 0] = 4
        with pytest.raises(ValueError, match="'graph' must not change, got a tensor that"):
            layer(x, graph)


def test_a_graph_is_safe_from_edits_of_what_it_was_made_of():
    mine, weight, x = undirected().edge_index.clone(), torch.rand(10), torch.randn(5, 4)
    graph, layer = Graph(mine, 5, edge_weight=weight), GCNConv(4, 2)
    before = layer(x, graph)
    mine.zero_()
    weight.data.zero_()
    torch.testing.assert_close(layer(x, graph), before)
    graph = copy.copy(graph)  # nothing kept, all computed anew
    torch.testing.assert_close(layer(x, graph), before)


@pytest.mark.parametrize(("rows", "cols"), [(2, 5), (5, 2), (3, 3)])
def test_products_in_either_order(rows, cols):
    S, x, W = adjacency(directed()), torch.randn(5, rows), torch.randn(rows, cols)
    for operator in (S, Identity(5)):
        expected = operator.to_dense() @ x @ W
        torch.testing.assert_close(weighted_sum([operator], x, [W]), expected)
        torch.testing.assert_close(weighted_sum([operator], x.to_sparse(), [W]), expected)


def test_nan_is_named_and_infinity_is_not_nan():
    x = torch.zeros(3, 2)
    x[2, 1] = torch.nan
    with pytest.raises(ValueError, match=r"'x' must not contain NaN, got one at \[2, 1\]"):
        check_not_nan(x)
    check_not_nan(torch.tensor([[torch.inf, -torch.inf]]))


def test_channels_are_counts():
    with pytest.raises(TypeError, match="'in_channels' must be an integer, got '4'"):
        GCNConv("4", 2)
    with pytest.raises(TypeError, match="'out_channels' must be an integer, got True"):
        GCNConv(4, True)
    with pytest.raises(ValueError, match="'out_channels' must be at least 1, got 0"):
        GCNConv(4, 0)


@pytest.mark.gpu
def test_a_graph_elsewhere_is_refused():
    layer, x = GCNConv(4, 2).cuda(), torch.randn(5, 4).cuda()
    with pytest.raises(ValueError, match="'domain' must be on cuda:0 as x, got cpu"):
        layer(x, undirected())


def two_steps(graph, dtype):
    """Neighbors of neighbors, and the node itself."""
    return [adjacency(graph, dtype) ** 2, I(graph, dtype)]


class TestContract(WeightedGraphContract):
    """A convolution of one's own keeps the promises of the named ones."""

    make_cases: ClassVar = {"one line": lambda: GraphConvolution(4, 3, operators=two_steps)}


@pytest.mark.parametrize(
    "family",
    [
        adjacency, mean_adjacency, normalized_adjacency, laplacian, scaled_laplacian, arriving,
        leaving,
    ],
)  # fmt: skip
def test_operators_of_edges_on_another_domain_say_so(family):
    with pytest.raises(TypeError, match=r"'domain' must be a Graph, as .*got Grid"):
        family(Grid((2, 3)))


def test_the_identity_on_any_domain():
    grid, x = Grid((2, 3)), torch.randn(5, 4, 2, 3)
    layer = GraphConvolution(4, 3, lambda domain, dtype: [I(domain, dtype)], num_operators=1)
    expected = torch.einsum("bchw,cd->bdhw", x, layer.weight[0])
    torch.testing.assert_close(layer(x, grid), expected)


def test_a_family_of_ones_own_in_one_line():
    graph, x = directed(), torch.randn(5, 3)
    layer = GraphConvolution(3, 2, operators=two_steps)
    torch.nn.init.normal_(layer.bias)
    A = graph.to_dense().T
    expected = A @ A @ x @ layer.weight[0] + x @ layer.weight[1] + layer.bias
    torch.testing.assert_close(layer(x, graph), expected)
    torch.testing.assert_close(layer.reference(x, graph), expected)
    torch.testing.assert_close(layer(x.to_sparse(), graph), expected)


def test_a_named_layer_says_only_its_weights():
    class TwoSteps(FamilyConvolution):
        def __init__(self, channels):
            super().__init__(channels, channels, two_steps)
            self.weight = torch.nn.Parameter(torch.randn(2, channels, channels))
            self.bias = None

        def matrices(self):
            return list(self.weight)

    graph, x, layer = directed(), torch.randn(5, 3), TwoSteps(3)
    A = graph.to_dense().T
    expected = A @ A @ x @ layer.weight[0] + x @ layer.weight[1]
    torch.testing.assert_close(layer(x, graph), expected)
    torch.testing.assert_close(layer.reference(x, graph), expected)


def test_propagation_has_no_weights():
    def smooth(graph, dtype):
        return [0.5 * I(graph, dtype) + 0.5 * normalized_adjacency(graph, dtype=dtype)]

    graph, x = undirected(), torch.randn(5, 3)
    layer = Propagation(smooth)
    assert not list(layer.parameters())
    expected = 0.5 * x + 0.5 * graph.normalized_adjacency().to_dense().T @ x
    torch.testing.assert_close(layer(x, graph), expected)
    torch.testing.assert_close(layer.reference(x, graph), expected)
    torch.testing.assert_close(layer(x.to_sparse(), graph), expected)


def test_refusals_of_families():
    def by_type(graph, dtype):
        return [adjacency(graph, dtype)] * (int(graph.edge_type.max()) + 1)

    with pytest.raises(ValueError, match="'num_operators' must be given for a family that"):
        GraphConvolution(3, 2, operators=by_type)
    layer = GraphConvolution(3, 2, operators=by_type, num_operators=2)
    with pytest.raises(ValueError, match=r"'num_operators' must be 3, got 2\. Give num_operators"):
        layer(torch.randn(5, 3), undirected())
    for wrong in (lambda g, d: adjacency(g, d), lambda g, d: []):
        with pytest.raises(TypeError, match="'operators' must return a list of at least one"):
            GraphConvolution(3, 2, operators=wrong)
    with pytest.raises(TypeError, match="'operators' must return operators, got Tensor"):
        GraphConvolution(3, 2, operators=lambda g, d: [g.adjacency()])(
            torch.randn(5, 3), undirected()
        )
    with pytest.raises(TypeError, match="'operators' must be a function of a domain and a dtype"):
        GraphConvolution(3, 2, operators=adjacency(directed()))
