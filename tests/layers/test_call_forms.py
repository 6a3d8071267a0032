"""The call forms of torch-geometric: each gives what torch-geometric's layer with the same
weights gives, or is refused in a sentence."""

import copy
import gc

import numpy as np
import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn
from torch_geometric import EdgeIndex

import gnnvision as gv
from gnnvision.layers import calls

EDGES = torch.tensor([[0, 0, 1, 2, 3, 4, 4, 5, 2], [1, 2, 2, 0, 1, 3, 0, 2, 5]])
WEIGHTS = torch.linspace(0.5, 2.0, 9, dtype=torch.float64)
ATTRIBUTES = torch.linspace(-1, 1, 18, dtype=torch.float64).view(9, 2)
TYPES = torch.arange(9) % 3
SIZES = (7, 4)  # sources and targets of the bipartite graph, with its edges in any order
TO_TARGETS = torch.tensor([[0, 6, 1, 2, 3, 4, 4, 5, 2, 1], [1, 2, 2, 0, 1, 3, 0, 2, 3, 1]])


def mlp(in_channels=6, out_channels=5):
    """With a norm, whose statistics only target nodes may enter."""
    return nn.Sequential(nn.Linear(in_channels, out_channels), nn.BatchNorm1d(out_channels))


# name: (arguments, options, columns after the edge_index); the channels come first.
LAYERS = {
    "GCNConv": ((6, 5), {}, {"edge_weight": WEIGHTS}),
    "ChebConv": ((6, 5, 3), {"normalization": None}, {"edge_weight": WEIGHTS}),
    "SAGEConv": ((6, 5), {}, {}),
    "GATv2Conv": ((6, 5), {"heads": 2, "edge_dim": 2}, {"edge_attr": ATTRIBUTES}),
    "RGCNConv": ((6, 5, 3), {}, {"edge_type": TYPES}),
    "GINConv": ((), {"train_eps": True}, {}),
    "GraphConv": ((6, 5), {}, {"edge_weight": WEIGHTS}),
    "SGConv": ((6, 5, 2), {}, {"edge_weight": WEIGHTS}),
    "TAGConv": ((6, 5, 2), {}, {"edge_weight": WEIGHTS}),
    "APPNP": ((2, 0.1), {}, {"edge_weight": WEIGHTS}),
    "GATConv": ((6, 5), {"heads": 2, "edge_dim": 2, "residual": True}, {"edge_attr": ATTRIBUTES}),
    "TransformerConv": ((6, 5), {"heads": 2, "edge_dim": 2}, {"edge_attr": ATTRIBUTES}),
    "GINEConv": ((), {"edge_dim": 2}, {"edge_attr": ATTRIBUTES}),
    "NNConv": ((6, 5), {}, {"edge_attr": ATTRIBUTES}),
    "EdgeConv": ((), {}, {}),
}
FROM_A_NETWORK = {"GINConv": 6, "GINEConv": 6, "EdgeConv": 12}  # their number of inputs
ONE_SET = ("GCNConv", "ChebConv", "SGConv", "TAGConv", "APPNP")
ATTENTION = ("GATConv", "GATv2Conv", "TransformerConv")
PAIRS = tuple(name for name in LAYERS if name not in ONE_SET)
WITH_SIZE = ("SAGEConv", "GINConv", "GraphConv", "GATConv", "GINEConv", "NNConv")
TWO_CHANNELS = ("SAGEConv", "GraphConv", "RGCNConv", "NNConv", *ATTENTION)


def arguments(name, channels=None):
    """The sizes of a layer, or its network."""
    sizes = LAYERS[name][0]
    sizes = sizes if channels is None else (channels, *sizes[1:])
    sizes = (mlp(FROM_A_NETWORK[name]),) if name in FROM_A_NETWORK else sizes
    return (*sizes, nn.Linear(2, 30)) if name == "NNConv" else sizes


def twins(name, channels=None, **changes):
    """Our layer and torch-geometric's, with the same weights."""
    sizes, options = arguments(name, channels), LAYERS[name][1] | changes
    theirs = getattr(pyg, name)(*copy.deepcopy(sizes), **options)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn_like(parameter))
    ours = getattr(gv, name)(*sizes, **options)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def assert_same(name, *args, channels=None, options=None, **named):
    ours, theirs = twins(name, channels, **(options or {}))
    expected = theirs(*args, **named)
    torch.testing.assert_close(ours(*args, **named), expected)
    # And again, with what is cached for the edge_index.
    torch.testing.assert_close(ours(*args, **named), theirs(*args, **named))
    return expected


# --- columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_columns_by_position_and_by_name(name):
    x, columns = torch.randn(6, 6), LAYERS[name][2]
    assert_same(name, x, EDGES, *columns.values())
    assert_same(name, x=x, edge_index=EDGES, **columns)


@pytest.mark.parametrize("name", ["GCNConv", "ChebConv", "GraphConv", *ONE_SET[2:]])
def test_weights_in_one_column(name):
    ours, theirs = twins(name)
    x = torch.randn(6, 6)
    torch.testing.assert_close(ours(x, EDGES, WEIGHTS[:, None]), theirs(x, EDGES, WEIGHTS))
    torch.testing.assert_close(ours(x, EDGES, None), theirs(x, EDGES))


@pytest.mark.parametrize("fill_value", ["mean", 0.5])
@pytest.mark.parametrize("name", ATTENTION[:2])
def test_attributes_without_an_axis_and_those_of_loops(name, fill_value):
    options = {"edge_dim": 1, "fill_value": fill_value}
    assert_same(name, torch.randn(6, 6), EDGES, WEIGHTS, options=options)
    with pytest.raises(ValueError, match=r"'fill_value' must be 'mean' or a number, got 'max'"):
        gv.GATv2Conv(4, 3, edge_dim=1, fill_value="max")


def test_members_of_a_batch_and_their_eigenvalues():
    edges, batch = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]), torch.tensor([0, 0, 1, 1])
    largest, weight, x = torch.tensor([2.0, 3.0]), torch.rand(4), torch.randn(4, 6)
    assert_same("ChebConv", x, edges, weight, batch, largest)
    assert_same("ChebConv", x, edges, batch=batch, lambda_max=largest)
    assert_same("ChebConv", x, edges, weight, batch, options={"normalization": "sym"})
    layer, _ = twins("ChebConv")
    torch.testing.assert_close(
        layer(x, edges, weight, lambda_max=3.0)[:2],
        layer(x[:2], edges[:, :2], weight[:2], lambda_max=3.0),
    )
    with pytest.raises(
        ValueError, match="'batch' must be the graph of each of the 4 nodes, sorted"
    ):
        layer(x, edges, weight, torch.tensor([0, 1, 0, 1]))
    with pytest.raises(ValueError, match=r"'batch' must be the graph of each .*, got 3"):
        layer(x, edges, weight, 3.0)


@pytest.mark.parametrize("name", [*ONE_SET, "SAGEConv", "GINConv", "GraphConv", "GATConv"])
def test_a_batch_of_signals_on_one_graph(name):
    options = {"edge_dim": None} if name in ATTENTION else {}
    ours, theirs = (layer.eval() for layer in twins(name, **options))
    x = torch.randn(3, 6, 6)
    expected = torch.stack([theirs(signal, EDGES) for signal in x])
    torch.testing.assert_close(ours(x, EDGES), expected)
    if name == "GCNConv":
        torch.testing.assert_close(ours(x, EDGES, WEIGHTS), theirs(x, EDGES, WEIGHTS))


@pytest.mark.parametrize("options", [{}, {"num_bases": 2}])
def test_nodes_in_place_of_features(options):
    """A layer of relations learns a row of weights for each node."""
    ours, theirs = twins("RGCNConv", **options)
    nodes = torch.tensor([3, 1, 0, 5, 5, 2])
    for x in (None, nodes):
        expected = theirs(x, EDGES, TYPES)
        found = ours(x, EDGES, TYPES)
        torch.testing.assert_close(found, expected)
        expected.sum().backward()
        found.sum().backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    ours, theirs = twins("RGCNConv", (7, 4), **options)
    types = torch.arange(10) % 3
    pair = (None, torch.tensor([2, 0, 3, 3]))
    torch.testing.assert_close(ours(pair, TO_TARGETS, types), theirs(pair, TO_TARGETS, types))


# --- adjacency matrices -----------------------------------------------------------------------


def adjacency(values, edges=EDGES, size=(6, 6)):
    """The matrix whose rows receive, in torch-geometric called adj_t."""
    return torch.sparse_coo_tensor(
        edges.flip(0), values, (*size[::-1], *values.shape[1:]), check_invariants=False
    ).coalesce()


LAYOUTS = {
    "coo": lambda matrix: matrix,
    "csr": lambda matrix: matrix.to_sparse_csr(),
    "csc": lambda matrix: matrix.to_sparse_csc(),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_sparse_adjacency_equals_its_edges(name, layout):
    ours, _ = twins(name, **({"edge_dim": None} if name in ATTENTION else {}))
    ours, x = ours.eval(), torch.randn(6, 6)
    columns = {} if name in ATTENTION else LAYERS[name][2]
    values = next(iter(columns.values()), torch.ones(9)).double()
    expected = ours(x, EDGES, **columns)
    matrix = layout(adjacency(values))
    for _ in range(2):
        torch.testing.assert_close(ours(x, matrix), expected)
    torch.testing.assert_close(ours(x=x, edge_index=matrix), expected)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_a_sparse_adjacency_equals_that_of_torch_geometric():
    assert_same("GCNConv", torch.randn(6, 6), adjacency(WEIGHTS).to_sparse_csr())


def test_an_adjacency_of_attributes():
    ours, theirs = twins("GATv2Conv")
    x = torch.randn(6, 6)
    expected = theirs(x, EDGES, ATTRIBUTES)
    torch.testing.assert_close(ours(x, adjacency(ATTRIBUTES)), expected)


def test_an_edited_adjacency_is_read_anew():
    ours, _ = twins("GCNConv")
    x, matrix = torch.randn(6, 6), adjacency(WEIGHTS)
    before = ours(x, matrix)
    matrix._values()[0] += 1
    after = ours(x, matrix)
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, ours(x, matrix.clone()))


def test_values_of_an_adjacency_that_a_layer_does_not_use_are_refused():
    asked = "'domain' must have no values other than 1 for SAGEConv, got edge_weight"
    with pytest.raises(ValueError, match=asked):
        gv.SAGEConv(6, 5)(torch.randn(6, 6), adjacency(WEIGHTS))


def test_gradients_reach_the_values_of_an_adjacency():
    ours, _ = twins("GCNConv")
    x, found = torch.randn(6, 6), []
    for wrap in (lambda w: (EDGES, w), lambda w: (adjacency(w),)):
        weight = WEIGHTS.clone().requires_grad_()
        ours(x, *wrap(weight)).square().sum().backward()
        found.append(weight.grad)
    torch.testing.assert_close(*found)


def test_an_edge_index_of_torch_geometric():
    edges = EdgeIndex(TO_TARGETS, sparse_size=SIZES)
    ours, theirs = twins("SAGEConv")
    x = torch.randn(7, 6)
    torch.testing.assert_close(ours((x, None), edges), theirs((x, None), TO_TARGETS, SIZES))
    whole = EdgeIndex(EDGES, sparse_size=(6, 6))
    torch.testing.assert_close(ours(x[:6], whole), theirs(x[:6], EDGES))


# --- bipartite graphs -------------------------------------------------------------------------


def bipartite_arguments(name):
    """The columns of the bipartite graph's edges."""
    columns = {"edge_weight": torch.rand(10), "edge_attr": torch.randn(10, 2)}
    columns["edge_type"] = torch.arange(10) % 3
    return tuple(columns[column] for column in LAYERS[name][2])


@pytest.mark.parametrize("name", PAIRS)
def test_two_sets_of_nodes(name):
    x = (torch.randn(7, 6), torch.randn(4, 6))
    more = bipartite_arguments(name)
    y = assert_same(name, x, TO_TARGETS, *more)
    assert y.shape[0] == 4
    assert_same(name, x=x, edge_index=TO_TARGETS, **dict(zip(LAYERS[name][2], more, strict=True)))
    if name in WITH_SIZE:
        assert_same(name, x, TO_TARGETS, *more, SIZES)
        assert_same(name, (x[0], None), TO_TARGETS, *more, SIZES)
        assert_same(name, (x[0], None), TO_TARGETS, *more, size=SIZES)
        if name != "GATConv":
            assert_same(name, (x[1], None), TO_TARGETS.clamp(max=3), *more)
        assert_same(name, torch.randn(6, 6), EDGES, *LAYERS[name][2].values(), size=(6, 6))


@pytest.mark.parametrize("name", TWO_CHANNELS)
def test_two_numbers_of_channels(name):
    x = (torch.randn(7, 6), torch.randn(4, 3))
    more = bipartite_arguments(name)
    assert_same(name, x, TO_TARGETS, *more, channels=(6, 3))
    if name != "RGCNConv":  # torch-geometric's fails with one signal there
        columns = LAYERS[name][2].values()
        assert_same(name, torch.randn(6, 6), EDGES, *columns, channels=(6, 6))
    layer, _ = twins(name, (6, 3))
    with pytest.raises(ValueError, match=r"'x' must have \(6, 3\) columns for source and"):
        layer((x[0], torch.randn(4, 5)), TO_TARGETS, *more)


def test_attention_between_two_sets_of_nodes():
    x, more = (torch.randn(7, 6), torch.randn(4, 3)), bipartite_arguments("GATv2Conv")
    for options in ({"add_self_loops": False}, {"concat": False}, {"fill_value": 0.5}):
        assert_same("GATv2Conv", x, TO_TARGETS, *more, channels=(6, 3), options=options)
    back = (TO_TARGETS.flip(0), *more)  # more targets than sources
    assert_same("GATv2Conv", x[::-1], *back, channels=(3, 6), options={"fill_value": 0.5})
    with pytest.raises(TypeError, match="'x' must be source and target features for GATv2Conv"):
        twins("GATv2Conv")[0]((x[0], None), TO_TARGETS, *more)


@pytest.mark.parametrize("name", ["SAGEConv", "GINConv"])
def test_an_adjacency_between_two_sets_of_nodes(name):
    ours, theirs = twins(name)
    x = (torch.randn(7, 6), torch.randn(4, 6))
    matrix = adjacency(torch.ones(10), TO_TARGETS, SIZES)
    torch.testing.assert_close(ours(x, matrix), theirs(x, TO_TARGETS))
    found = ours((x[0], None), matrix.to_sparse_csr())
    torch.testing.assert_close(found, theirs((x[0], None), TO_TARGETS, SIZES))


def test_gradients_between_two_sets_of_nodes():
    ours, theirs = twins("SAGEConv", (6, 3))
    grads = []
    for layer in (ours, theirs):
        x = [torch.linspace(-1, 1, 42).view(7, 6), torch.linspace(-1, 1, 12).view(4, 3)]
        x = tuple(signal.requires_grad_() for signal in x)
        y = layer(x, TO_TARGETS)
        grads.append(torch.autograd.grad(y.square().sum(), [*x, *layer.parameters()]))
    torch.testing.assert_close(*grads)


def test_sources_without_edges_and_no_sources():
    layer, theirs = twins("SAGEConv")
    none = torch.zeros(2, 0, dtype=torch.int64)
    for rows in ((0, 4), (3, 4), (3, 0)):
        x = tuple(torch.randn(count, 6) for count in rows)
        torch.testing.assert_close(layer(x, none), theirs(x, none))


# --- attention weights ------------------------------------------------------------------------


@pytest.mark.parametrize("loops", [True, False])
@pytest.mark.parametrize("name", ATTENTION)
def test_attention_weights_are_those_of_torch_geometric(name, loops):
    options = {} if name == "TransformerConv" else {"add_self_loops": loops}
    ours, theirs = twins(name, **options)
    x = torch.randn(6, 6)
    edges = torch.cat([EDGES, torch.tensor([[3], [3]])], 1)
    attributes = torch.cat([ATTRIBUTES, ATTRIBUTES[:1]])
    graph = gv.Graph(edges, 6, edge_attr=attributes)
    named = {"return_attention_weights": True}
    expected = theirs(x, edges, attributes, **named)
    torch.testing.assert_close(ours(x, edges, attributes, **named), expected)
    if name != "GATConv":  # where `size` comes first
        torch.testing.assert_close(ours(x, edges, attributes, True), expected)
    torch.testing.assert_close(ours(x, graph, **named), expected)
    y = ours(x, edges, attributes, return_attention_weights=False)
    torch.testing.assert_close(y, expected[0])


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_weights_between_two_sets_of_nodes(name):
    ours, theirs = twins(name, (6, 3), edge_dim=None)
    args = ((torch.randn(7, 6), torch.randn(4, 3)), TO_TARGETS)
    expected = theirs(*args, return_attention_weights=True)
    torch.testing.assert_close(ours(*args, return_attention_weights=True), expected)


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_attention_weights_of_an_adjacency(layout):
    ours, theirs = twins("GATv2Conv", edge_dim=None)
    x, matrix = torch.randn(6, 6), adjacency(torch.ones(9)).to_sparse(layout=layout)
    y, (attention, values) = ours(x, matrix, return_attention_weights=True)
    edges, weight = theirs(x, EDGES, return_attention_weights=True)[1]
    assert attention.layout is layout
    assert values.shape == weight.shape
    shape = (6, 6, 2)
    dense = torch.zeros(shape).index_put((edges[1], edges[0]), weight)
    coo = attention if layout is torch.sparse_coo else attention.to_sparse_coo()
    target, source = coo._indices()
    torch.testing.assert_close(torch.zeros(shape).index_put((target, source), values), dense)
    assert tuple(attention.shape) == shape
    torch.testing.assert_close(y, ours(x, EDGES))


# --- what is cached ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SAGEConv", "GATv2Conv"])
def test_an_edited_bipartite_edge_index_is_read_anew(name):
    ours, _ = twins(name, **({"edge_dim": None} if name == "GATv2Conv" else {}))
    x, edges = (torch.randn(7, 6), torch.randn(4, 6)), TO_TARGETS.clone()
    before = ours(x, edges)
    edges[0, 0] = 5
    after = ours(x, edges)
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, ours(x, edges.clone()))
    fewer = (x[0], x[1][:3])
    with pytest.raises(ValueError, match=r"'edge_index' must have sources below 7 and targets"):
        ours(fewer, edges)


@pytest.mark.slow
def test_what_is_cached_goes_with_the_tensors():
    ours, _ = twins("SAGEConv")
    x, edges = (torch.randn(7, 6), torch.randn(4, 6)), TO_TARGETS.clone()
    matrix = adjacency(torch.ones(10), TO_TARGETS, SIZES)
    ours(x, edges)
    ours(x, matrix)
    gc.collect()
    before = len(calls._graphs)
    del edges, matrix
    gc.collect()
    assert len(calls._graphs) == before - 2


# --- constructors -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SAGEConv", "GraphConv", *ONE_SET[:4], *ATTENTION])
def test_sizes_from_the_first_signal(name):
    columns = LAYERS[name][2].values()
    layer, _ = twins(name)
    lazy = getattr(gv, name)(*arguments(name, -1), **LAYERS[name][1])
    assert lazy.in_channels == -1
    x, copied = torch.randn(6, 6), copy.deepcopy(lazy)
    torch.manual_seed(1)
    first = lazy(x, EDGES, *columns)
    assert (lazy.in_channels, first.shape) == (6, layer(x, EDGES, *columns).shape)
    torch.manual_seed(1)
    torch.testing.assert_close(copied(x=x, edge_index=EDGES, **LAYERS[name][2]), first)
    torch.testing.assert_close(lazy(x, EDGES, *columns), first)
    assert {n: p.shape for n, p in lazy.named_parameters()} == {
        n: p.shape for n, p in layer.named_parameters()
    }
    loaded = getattr(gv, name)(*arguments(name, -1), **LAYERS[name][1])
    loaded.load_state_dict(lazy.state_dict())
    torch.testing.assert_close(loaded(x, EDGES, *columns), first)


def test_sizes_of_two_sets_of_nodes_from_the_first_signal():
    x = (torch.randn(7, 6), torch.randn(4, 3))
    for layer in (gv.SAGEConv((-1, -1), 5), gv.GATv2Conv((-1, 3), 5)):
        assert layer(x, TO_TARGETS).shape == (4, 5)
        assert layer.in_channels == (6, 3)
    with pytest.raises(ValueError, match="'x' must be given to find in_channels=-1, got None"):
        gv.SAGEConv((-1, -1), 5)((x[0], None), TO_TARGETS, SIZES)
    with pytest.raises(ValueError, match="'in_channels' must be at least 1, got -1"):
        gv.RGCNConv(-1, 5, 3)
    with pytest.raises(TypeError, match=r"'in_channels' must be an integer, got \(6, 3\)"):
        gv.GCNConv((6, 3), 5)


def test_integers_of_numpy():
    layer = gv.SAGEConv(np.int64(6), np.int32(5))
    assert layer(torch.randn(6, 6), EDGES).shape == (6, 5)
    assert type(layer.in_channels) is int


@pytest.mark.parametrize("name", [*LAYERS])
def test_arguments_at_their_defaults(name):
    usual = {"flow": "source_to_target", "decomposed_layers": 1}
    usual |= {} if name in (*ATTENTION, "RGCNConv") else {"node_dim": -2}
    usual |= {} if name in ("SAGEConv", "RGCNConv", "EdgeConv") else {"aggr": "add"}
    usual |= {"project": False} if name == "SAGEConv" else {}
    ours, theirs = twins(name, **usual)
    x, columns = torch.randn(6, 6), LAYERS[name][2].values()
    torch.testing.assert_close(ours(x, EDGES, *columns), theirs(x, EDGES, *columns))
    for argument, value in (("flow", "target_to_source"), ("decomposed_layers", 2)):
        asked = f"'{argument}' must be {usual[argument]!r} for {name}, got {value!r}"
        with pytest.raises(ValueError, match=asked):
            twins(name, **{argument: value})
    with pytest.raises(TypeError, match=f"{name} got an unexpected keyword argument 'shape'"):
        getattr(gv, name)(*arguments(name), shape=3)
    ours.flow = "source_to_target"
    with pytest.raises(ValueError, match="'flow' must be 'source_to_target'"):
        ours.flow = "target_to_source"


# --- what is refused --------------------------------------------------------------------------

X = torch.ones(6, 6)
PAIR = (torch.ones(7, 6), torch.ones(4, 6))
REFUSED = {
    "a pair for a layer of one set": (
        lambda: twins("GCNConv")[0](PAIR, TO_TARGETS),
        TypeError,
        r"'x' must be one tensor for GCNConv, got \(torch.float32 of shape \(7, 6\), torch",
    ),
    "a pair with a graph": (
        lambda: twins("SAGEConv")[0](PAIR, gv.Graph(EDGES, 6)),
        ValueError,
        "'x' must not be a pair together with a Graph",
    ),
    "two numbers of channels for a layer of one": (
        lambda: twins("SAGEConv")[0]((PAIR[0], torch.ones(4, 3)), TO_TARGETS),
        ValueError,
        r"'x' must have 6 columns for source and target nodes, got \(6, 3\)",
    ),
    "a batch of signals of sources and targets": (
        lambda: twins("SAGEConv")[0]((X.expand(3, 6, 6), None), EDGES),
        ValueError,
        r"'x' must have shape \(N, C\) for source and target nodes, got \(3, 6, 6\). Call the",
    ),
    "three signals": (
        lambda: twins("SAGEConv")[0]((X, X, X), EDGES),
        TypeError,
        "'x' must be source and target features for SAGEConv, got",
    ),
    "no signal": (
        lambda: twins("SAGEConv")[0](None, EDGES),
        TypeError,
        "'x' must be one tensor of node features, got None",
    ),
    "another size": (
        lambda: twins("SAGEConv")[0](X, EDGES, size=(6, 4)),
        ValueError,
        r"'size' must be \(6, 6\), the numbers of source and target nodes, got \(6, 4\)",
    ),
    "a size beside an adjacency": (
        lambda: twins("SAGEConv")[0](X, adjacency(torch.ones(9)), size=(6, 4)),
        ValueError,
        r"'size' must be that of the adjacency, \(6, 6\), got \(6, 4\)",
    ),
    "an edge_index twice": (
        lambda: twins("SAGEConv")[0](X, EDGES, edge_index=EDGES),
        ValueError,
        "'edge_index' must be left out: SAGEConv takes x, edge_index, size, each once, got torch",
    ),
    "a column twice": (
        lambda: twins("GCNConv")[0](X, EDGES, WEIGHTS, edge_weight=WEIGHTS),
        ValueError,
        "'edge_weight' must be left out: GCNConv takes x, edge_index, edge_weight, each once",
    ),
    "too many columns": (
        lambda: twins("GCNConv")[0](X, EDGES, WEIGHTS, WEIGHTS),
        ValueError,
        "'columns' must be left out: GCNConv takes x, edge_index, edge_weight, each once",
    ),
    "an unknown column": (
        lambda: twins("GCNConv")[0](X, EDGES, color="red"),
        ValueError,
        "'color' must be left out: GCNConv takes x, edge_index, edge_weight, each once, got 'red'",
    ),
    "attributes for a layer without": (
        lambda: twins("GCNConv")[0](X, EDGES, edge_attr=ATTRIBUTES),
        ValueError,
        "'edge_attr' must be left out: GCNConv takes x, edge_index, edge_weight",
    ),
    "a column beside a graph": (
        lambda: twins("GCNConv")[0](X, gv.Graph(EDGES, 6), WEIGHTS),
        ValueError,
        "'edge_weight' must not be given together with a Graph",
    ),
    "nothing to call": (
        lambda: twins("GCNConv")[0](X),
        TypeError,
        "'domain' must be a Graph or an edge_index tensor, got NoneType",
    ),
    "max aggregation": (
        lambda: gv.SAGEConv(6, 5, aggr="max"),
        ValueError,
        "'aggr' must be one of 'mean', 'sum', 'add', got 'max'",
    ),
    "a projection": (
        lambda: gv.SAGEConv(6, 5, project=True),
        ValueError,
        "'project' must be False for SAGEConv, got True",
    ),
    "a script": (
        lambda: torch.jit.script(nn.Sequential(gv.GCNConv(6, 5))),
        TypeError,
        "'obj' must be without graph layers for torch.jit.script, got GCNConv. Use torch.compile",
    ),
    "message hooks": (
        lambda: gv.GCNConv(6, 5).register_message_forward_hook(print),
        TypeError,
        "'register_message_forward_hook' must not be used: a sum of operators passes no messages",
    ),
    "messages": (
        lambda: gv.GCNConv(6, 5).propagate(EDGES, x=X),
        TypeError,
        "'propagate' must not be used: a sum of operators passes no messages, got GCNConv",
    ),
    "messages of a subclass": (
        lambda: type("Mine", (gv.GCNConv,), {"message": lambda self, x_j: x_j})(6, 5),
        TypeError,
        "'message' must not be overridden: the layer is a sum of operators without messages",
    ),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
@pytest.mark.parametrize(("call", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_sparse_tensors_of_another_package_are_refused():
    SparseTensor = type("SparseTensor", (), {})  # torch_sparse is not installed
    asked = "'domain' must be a Graph or an edge_index tensor, got SparseTensor. Use adj.to_torch"
    with pytest.raises(TypeError, match=asked):
        gv.GCNConv(6, 5)(X, SparseTensor())


# --- models of torch-geometric ------------------------------------------------------------------

MODELS = {
    "GCN": (pyg.GCN, gv.GCNConv, {"edge_weight": WEIGHTS}),
    "GraphSAGE": (pyg.GraphSAGE, gv.SAGEConv, {}),
    "GAT": (pyg.GAT, gv.GATv2Conv, {"edge_attr": ATTRIBUTES}),
    "GIN": (pyg.GIN, gv.GINConv, {}),
}


def of_ours(base, layer):
    """A model of torch-geometric with our layer."""

    def init_conv(self, in_channels, out_channels, **options):
        if layer is gv.GINConv:
            return layer(pyg.MLP([in_channels, out_channels, out_channels], norm=self.norm))
        if layer is gv.GATv2Conv:
            options.pop("v2")
            options["concat"] = not getattr(self, "_is_conv_to_out", False)
            out_channels //= options["heads"] if options["concat"] else 1
        return layer(in_channels, out_channels, **options)

    return type("Ours", (base,), {"init_conv": init_conv})


@pytest.mark.parametrize("jk", [None, "cat"])
@pytest.mark.parametrize("name", MODELS)
def test_models_of_torch_geometric_take_our_layers(name, jk):
    base, layer, columns = MODELS[name]
    options = {"v2": True, "heads": 2, "edge_dim": 2} if name == "GAT" else {}
    sizes = {"in_channels": 6, "hidden_channels": 4, "num_layers": 3, "out_channels": 2}
    theirs = base(**sizes, jk=jk, norm="GraphNorm", **options)
    ours = of_ours(base, layer)(**sizes, jk=jk, norm="GraphNorm", **options)
    assert all(isinstance(conv, layer) for conv in ours.convs)
    ours.load_state_dict(theirs.state_dict())
    x, batch = torch.randn(6, 6), torch.tensor([0, 0, 0, 0, 0, 0])
    expected = theirs(x, EDGES, batch=batch, **columns)
    torch.testing.assert_close(ours(x, EDGES, batch=batch, **columns), expected)
    ours.reset_parameters()
    assert not torch.allclose(ours(x, EDGES, batch=batch, **columns), expected)


@pytest.mark.parametrize("name", ["GCNConv", "SAGEConv"])
def test_pooling_of_torch_geometric_takes_our_layers(name):
    theirs = pyg.SAGPooling(6, GNN=getattr(pyg, name))
    ours = pyg.SAGPooling(6, GNN=getattr(gv, name))
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(6, 6)
    for found, expected in zip(ours(x, EDGES), theirs(x, EDGES), strict=True):
        if expected is not None:
            torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # of torch-geometric's pooling
def test_assignment_pooling_calls_by_name():
    theirs, ours = (pyg.ASAPooling(6, GNN=kind) for kind in (pyg.GCNConv, gv.GCNConv))
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(6, 6)
    torch.testing.assert_close(ours(x, EDGES)[0], theirs(x, EDGES)[0])


def test_a_heterogeneous_convolution_takes_our_layers():
    kinds = ("paper", "author")
    x = dict(zip(kinds, (torch.randn(7, 6), torch.randn(4, 3)), strict=True))
    back = TO_TARGETS.flip(0)
    edges = {("paper", "by", "author"): TO_TARGETS, ("author", "of", "paper"): back}
    edges |= {("paper", "cites", "paper"): EDGES}
    found = []
    for module in (pyg, gv):
        torch.manual_seed(0)
        layers = {
            ("paper", "by", "author"): module.SAGEConv((-1, -1), 5),
            ("author", "of", "paper"): module.GATv2Conv((3, 6), 5, add_self_loops=False),
            ("paper", "cites", "paper"): module.GCNConv(-1, 5),
        }
        found.append(pyg.HeteroConv(layers))
    theirs, ours = found
    theirs(x, edges)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x, edges), theirs(x, edges))


class Heterogeneous(nn.Module):
    """Two layers, as `to_hetero` takes them."""

    def __init__(self, make):
        super().__init__()
        self.first, self.second = make(4), make(3)

    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)


def test_to_hetero_takes_wrapped_layers_and_refuses_others():
    from gnnvision.layers.hetero import MessagePassingLayer

    x = {"paper": torch.randn(7, 6), "author": torch.randn(4, 2)}
    edges = {("paper", "by", "author"): TO_TARGETS, ("author", "of", "paper"): TO_TARGETS.flip(0)}
    metadata = (list(x), list(edges))

    def transformed(make):
        model = pyg.to_hetero(Heterogeneous(make), metadata)
        model(x, edges)
        return model

    theirs = transformed(lambda width: pyg.SAGEConv((-1, -1), width))
    ours = transformed(lambda width: MessagePassingLayer(gv.SAGEConv((-1, -1), width)))
    state = theirs.state_dict()
    ours.load_state_dict({k.replace(".lin_", ".layer.lin_"): v for k, v in state.items()})
    found, expected = ours(x, edges), theirs(x, edges)
    assert found.keys() == expected.keys() == x.keys()
    torch.testing.assert_close(found, expected)
    with pytest.raises(TypeError, match=r"got Proxy\. torch\.fx cannot trace .* to_hetero, wrap"):
        transformed(lambda width: gv.SAGEConv((-1, -1), width))
