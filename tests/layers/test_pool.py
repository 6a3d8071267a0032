import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck

from gnnvision import AvgPool2d, Graph, GraphPool, Grid, MaxPool2d, Upsample
from gnnvision.operators.cluster import coarsen

from ..graphs import GRAPHS, batch, directed, multi, random_graphs, undirected

# --- grids ------------------------------------------------------------------------------------


@st.composite
def windows(draw):
    """Arguments that torch accepts, and the size of an input."""
    kernel = draw(st.integers(1, 4))
    options = {
        "kernel_size": kernel,
        "stride": draw(st.one_of(st.none(), st.integers(1, 3))),
        "padding": draw(st.integers(0, kernel // 2)),
        "ceil_mode": draw(st.booleans()),
    }
    return options, [draw(st.integers(7, 14)) for _ in range(2)]


@given(windows(), st.integers(1, 2))
def test_max_pool_is_torchs_and_knows_its_grid(window, dilation):
    options, size = window
    pool = MaxPool2d(**options, dilation=dilation)
    assert isinstance(pool, nn.MaxPool2d)
    x = torch.randn(2, 3, *size)
    y = pool(x, Grid(size))
    torch.testing.assert_close(y, nn.MaxPool2d(**options, dilation=dilation)(x))
    assert pool.out_domain(Grid(size)).shape == y.shape[2:]


@given(windows(), st.booleans())
def test_average_pool_is_torchs_and_knows_its_grid(window, count_include_pad):
    options, size = window
    pool = AvgPool2d(**options, count_include_pad=count_include_pad)
    assert isinstance(pool, nn.AvgPool2d)
    x = torch.randn(2, 3, *size)
    y = pool(x, Grid(size))
    torch.testing.assert_close(y, nn.AvgPool2d(**options, count_include_pad=count_include_pad)(x))
    assert pool.out_domain(Grid(size)).shape == y.shape[2:]


@pytest.mark.parametrize("size", [(5, 4), (7, 3)])
@pytest.mark.parametrize(
    "options",
    [
        {"scale_factor": 2},
        {"scale_factor": (1.5, 3)},
        {"size": (9, 8)},
        {"size": 9},
        {"scale_factor": 0.7},
        {"scale_factor": 2, "mode": "bilinear"},
    ],
)
def test_upsampling_is_torchs_and_knows_its_grid(options, size):
    layer = Upsample(**options)
    assert isinstance(layer, nn.Upsample)
    x = torch.randn(2, 3, *size)
    y = layer(x, Grid(size))
    torch.testing.assert_close(y, nn.Upsample(**options)(x))
    assert layer.out_domain(Grid(size)).shape == y.shape[2:]


def test_rounding_up_admits_a_window_larger_than_the_input():
    options = {"kernel_size": 5, "stride": 2, "ceil_mode": True}
    size = nn.MaxPool2d(**options)(torch.ones(1, 1, 4, 8)).shape[2:]
    assert MaxPool2d(**options).out_domain(Grid((4, 8))).shape == size
    with pytest.raises(ValueError, match="'kernel_size' must fit into the padded input"):
        MaxPool2d(**options).out_domain(Grid((3, 8)))
    with pytest.raises(ValueError, match="'domain' must have 2 axes"):
        MaxPool2d(**options).out_domain(Grid((8,)))


def test_the_table_of_the_notes():
    """Maximum of 2x2, stride 1, valid, on 4x4 gives 4 3 8 / 5 5 7 / 6 7 5."""
    table = [[4, 1, 2, 8], [2, 3, 3, 1], [5, 4, 5, 7], [6, 2, 7, 1]]
    x = torch.tensor(table, dtype=torch.float64)[None, None]
    y = MaxPool2d(2, stride=1)(x)
    assert MaxPool2d(2, stride=1).out_domain(Grid((4, 4))) == Grid((3, 3))
    expected = [[max(table[i + a][j + b] for a in (0, 1) for b in (0, 1)) for j in range(3)]
                for i in range(3)]  # fmt: skip
    assert y[0, 0].tolist() == expected


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(2), Upsample(scale_factor=2)])
def test_grid_pools_refuse_graphs(layer):
    with pytest.raises(TypeError, match=f"'domain' must be a Grid for {type(layer).__name__}"):
        layer.out_domain(undirected())


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(2)])
def test_pictures_have_two_axes(layer):
    with pytest.raises(ValueError, match="'domain' must have 2 axes, got 1"):
        layer.out_domain(Grid((8,)))


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="'kernel_size' must fit into the padded input"):
        MaxPool2d(5).out_domain(Grid((4, 8)))


# --- graphs -----------------------------------------------------------------------------------


def clusters(graph, size, given=None):
    """The cluster of each node."""
    coarse = coarsen(graph, size, given)
    number = torch.arange(coarse.graph.num_nodes).repeat_interleave(coarse.starts.diff())
    return torch.empty(graph.num_nodes, dtype=torch.int64).scatter(0, coarse.order, number)


def joined(graph):
    """Whether an edge of positive weight joins two nodes, in either direction."""
    weight = graph.edge_weight
    keep = torch.ones(graph.num_edges).bool() if weight is None else weight > 0
    out = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.bool)
    source, target = graph.edge_index[:, keep]
    out[source, target] = out[target, source] = True
    return out.fill_diagonal_(False)


def assert_maximal_matching(graph):
    cluster, edge = clusters(graph, 2), joined(graph)
    sizes = torch.bincount(cluster)
    assert sizes.numel() == 0 or 1 <= sizes.min() <= sizes.max() <= 2
    same = (cluster[:, None] == cluster[None, :]).fill_diagonal_(False)
    assert not (same & ~edge).any(), "a pair without an edge"
    alone = sizes[cluster] == 1
    assert not (edge & alone[:, None] & alone[None, :]).any(), "two neighbors left alone"


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_pairs_are_a_maximal_matching(maker):
    assert_maximal_matching(maker())


@given(random_graphs(max_nodes=12))
def test_pairs_are_a_maximal_matching_on_any_graph(graph):
    assert_maximal_matching(graph)


def test_heavy_edges_come_first():
    graph = Graph.from_edges(
        [(0, 1), (1, 2), (2, 3)], 4, undirected=True, edge_weight=[1.0, 9.0, 1.0]
    )
    assert clusters(graph, 2).tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("reduce", ["max", "mean"])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_values_and_coarser_graph_by_loops(maker, size, reduce):
    graph, pool = maker(), GraphPool(size, reduce)
    x = torch.randn(graph.num_nodes, 3)
    cluster, coarse = clusters(graph, size), pool.out_domain(graph)
    rows = []
    for c in range(coarse.num_nodes):
        members = x[cluster == c]
        assert 1 <= len(members) <= size
        rows.append(members.amax(0) if reduce == "max" else members.mean(0))
    expected = torch.stack(rows) if rows else torch.zeros(0, 3)
    torch.testing.assert_close(pool(x, graph), expected)
    torch.testing.assert_close(pool(x.to_sparse(), graph), expected)

    onto = torch.eye(coarse.num_nodes)[cluster]
    between = onto.T @ graph.to_dense() @ onto
    torch.testing.assert_close(coarse.to_dense(), between.fill_diagonal_(0))
    assert coarse.num_graphs == graph.num_graphs


@pytest.mark.parametrize("size", [2, 4])
@given(st.lists(random_graphs(weighted=True), min_size=1, max_size=4))
def test_a_batch_is_pooled_as_its_members_are(size, graphs):
    pool = GraphPool(size)
    x = [torch.randn(g.num_nodes, 2) for g in graphs]
    together = Graph.batch(graphs)
    pairs = zip(x, graphs, strict=True)
    apart = torch.cat([pool(signal, graph) for signal, graph in pairs])
    torch.testing.assert_close(pool(torch.cat(x), together), apart)
    coarse = pool.out_domain(together).unbatch()
    for ours, graph in zip(coarse, graphs, strict=True):
        torch.testing.assert_close(ours.to_dense(), pool.out_domain(graph).to_dense())


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_gradcheck(reduce):
    for graph in (multi(), batch()):
        x = torch.randn(graph.num_nodes, 2, requires_grad=True)
        assert gradcheck(lambda x, g=graph: GraphPool(2, reduce)(x, g), (x,))


def test_learned_weights_reach_the_coarser_graph():
    graph = directed()
    weight = graph.edge_weight.clone().requires_grad_()
    learned = Graph(graph.edge_index, 5, edge_weight=weight)
    GraphPool(2).out_domain(learned).adjacency().to_dense().sum().backward()
    between = clusters(learned, 2)[graph.edge_index].diff(dim=0)[0] != 0
    torch.testing.assert_close(weight.grad, between.double())


def test_own_clusters():
    graph, x = undirected(), torch.arange(10.0).view(5, 2)
    pool = GraphPool(cluster=[0, 1, 0, 1, 1])
    torch.testing.assert_close(pool(x, graph), torch.tensor([[4.0, 5], [8, 9]]))
    torch.testing.assert_close(pool(x, graph.edge_index), torch.tensor([[4.0, 5], [8, 9]]))
    torch.testing.assert_close(pool.out_domain(graph).to_dense(), torch.tensor([[0.0, 3], [3, 0]]))


def test_refusals():
    graph, x = undirected(), torch.ones(5, 2)
    with pytest.raises(ValueError, match="'kernel_size' must be a power of 2, got 3"):
        GraphPool(3)
    with pytest.raises(ValueError, match="'reduce' must be one of 'max', 'mean', got 'sum'"):
        GraphPool(2, "sum")
    with pytest.raises(ValueError, match=r"'x' must have shape \(N=5, C\), got \(4, 2\)"):
        GraphPool(2)(x[1:], graph)
    with pytest.raises(TypeError, match="'domain' must be a Graph for GraphPool, got Grid"):
        GraphPool(2).out_domain(Grid((5, 5)))
    for cluster in ([0, 1], [0, 2, 0, 2, 2], [1, 2, 1, 2, 2], [-1, 0, 0, 0, 0]):
        with pytest.raises(ValueError, match="'cluster' must give each of the 5 nodes a cluster"):
            GraphPool(cluster=cluster)(x, graph)
    pair = Graph.batch([Graph.from_edges([], 2), Graph.from_edges([], 3)])
    with pytest.raises(
        ValueError, match="'cluster' must number the clusters in the order of the graphs"
    ):
        GraphPool(cluster=[1, 1, 0, 0, 0])(x, pair)
    with pytest.raises(ValueError, match="'cluster' must"):
        GraphPool(cluster=[0, 1, 1, 2, 2])(x, pair)


def test_the_compiler_finds_clusters_outside_of_its_code():
    graph, x = undirected(), torch.randn(5, 3)
    pool, expected = GraphPool(2), GraphPool(2)(x, undirected())
    with pytest.raises(Exception, match="Finding clusters is data-dependent control flow"):
        torch.compile(pool, fullgraph=True, backend="aot_eager")(x, graph)
    for _ in range(2):
        found = torch.compile(pool, backend="aot_eager")(x, graph)
        torch.testing.assert_close(found, expected)
    torch._dynamo.reset()
    compiled = torch.compile(pool, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, graph), expected)
