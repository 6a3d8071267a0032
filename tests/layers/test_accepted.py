"""Nothing is accepted and ignored: weights, attributes and options act or are refused."""

import inspect

import pytest
import torch
from torch import nn

import gnnvision as gv

from ..graphs import batch, directed, undirected

WITHOUT_WEIGHTS = {
    "SAGE": lambda: gv.SAGEConv(4, 3),
    "GIN": lambda: gv.GINConv(nn.Linear(4, 3)),
    "GATv2": lambda: gv.GATv2Conv(4, 3),
    "RGCN": lambda: gv.RGCNConv(4, 3, num_relations=3),
}


@pytest.mark.parametrize("make", WITHOUT_WEIGHTS.values(), ids=WITHOUT_WEIGHTS)
def test_weights_are_refused_where_the_formula_has_none(make):
    layer, graph, x = make(), directed(), torch.randn(5, 4)
    asked = f"'edge_weight' must be left out for {type(layer).__name__}, which does not use"
    with pytest.raises(ValueError, match=asked):
        layer(x, graph)
    with pytest.raises(ValueError, match=asked):
        layer(x, gv.Graph.batch([graph]))
    plain = graph.without_weights()
    assert plain.edge_weight is None
    assert plain is graph.without_weights()
    assert torch.equal(plain.edge_index, graph.edge_index)
    assert plain.without_weights() is plain
    assert layer(x, plain).isfinite().all()


@pytest.mark.parametrize("name", ["SAGE", "GIN"])
def test_weights_beside_an_edge_index_are_refused(name):
    layer, graph, x = WITHOUT_WEIGHTS[name](), directed(), torch.randn(5, 4)
    for call in (
        lambda: layer(x, graph.edge_index, edge_weight=graph.edge_weight),
        lambda: layer(x, graph.edge_index, graph.edge_weight),
    ):
        with pytest.raises(ValueError, match="'edge_weight' must be left out"):
            call()
    with pytest.raises(ValueError, match="'lambda_max' must be left out"):
        layer(x, graph.edge_index, lambda_max=2.0)


@pytest.mark.parametrize("make", [lambda: gv.GCNConv(4, 3), lambda: gv.ChebConv(4, 3, K=2)])
def test_weights_act_where_the_formula_has_them(make):
    layer, graph, x = make(), directed(), torch.randn(5, 4)
    weighted = layer(x, graph)
    assert not torch.allclose(weighted, layer(x, graph.without_weights()))
    torch.testing.assert_close(layer(x, graph.edge_index, graph.edge_weight), weighted)


def test_counts_of_a_pooling_are_no_weights():
    """What a coarser graph counts is known to it alone; weights somebody gave stay weights."""
    pool, layer, x = gv.GraphPool(2), gv.GINConv(nn.Linear(4, 3)), torch.randn(5, 4)
    coarse = pool.out_domain(undirected())
    assert coarse.edge_weight is not None
    y = pool(x, undirected())
    torch.testing.assert_close(layer(y, coarse), layer(y, coarse.without_weights()))
    again = pool.out_domain(coarse)
    assert layer(torch.randn(again.num_nodes, 4), again).isfinite().all()
    weighted = pool.out_domain(directed())
    with pytest.raises(ValueError, match="'edge_weight' must be left out for GINConv"):
        layer(torch.randn(weighted.num_nodes, 4), weighted)


def test_attributes_are_refused_by_attention_that_does_not_read_them():
    graph, x = undirected(), torch.randn(5, 4)
    with pytest.raises(ValueError, match="'edge_attr' must be left out for a GATv2Conv without"):
        gv.GATv2Conv(4, 3)(x, graph.edge_index, graph.edge_attr)


REFUSED = {
    "loops without normalization": (
        lambda: gv.GCNConv(4, 3, normalize=False, add_self_loops=True),
        "'add_self_loops' must be False with normalize=False",
    ),
    "improved without loops": (
        lambda: gv.GCNConv(4, 3, improved=True, add_self_loops=False),
        "'improved' must be False without self loops",
    ),
    "improved without normalization": (
        lambda: gv.GCNConv(4, 3, improved=True, normalize=False),
        "'improved' must be False without self loops",
    ),
    "no bases": (lambda: gv.RGCNConv(4, 3, 2, num_bases=0), "'num_bases' must be at least 1"),
    "no blocks": (lambda: gv.RGCNConv(4, 4, 2, num_blocks=0), "'num_blocks' must be at least 1"),
    "no relations": (lambda: gv.RGCNConv(4, 3, 0), "'num_relations' must be at least 1"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_options_that_could_have_no_effect_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# For each layer what it is made of, and for each option another value that must show.
OPTIONS = {
    gv.GCNConv: ((4, 6), {"improved": True, "add_self_loops": False, "normalize": False}),
    gv.ChebConv: ((4, 6), {"K": 3, "normalization": None}),
    gv.SAGEConv: ((4, 6), {"aggr": "sum", "normalize": True, "root_weight": False}),
    gv.GATv2Conv: (
        (4, 6),
        {
            "heads": 3,
            "concat": False,
            "negative_slope": 0.5,
            "dropout": 0.5,
            "add_self_loops": False,
            "edge_dim": 2,
            "share_weights": True,
            "residual": True,
        },
    ),
    gv.RGCNConv: (
        (4, 6, 3),
        {"num_bases": 2, "num_blocks": 2, "aggr": "sum", "root_weight": False},
    ),
    gv.GINConv: ((), {"eps": 0.5, "train_eps": True}),
    gv.GraphPool: ((), {"kernel_size": 4, "reduce": "mean", "cluster": [0, 1, 2, 3, 4]}),
    gv.Readout: ((), {"reduce": "sum"}),
    gv.Dropout: ((), {"p": 0.9, "inplace": True}),
}
ALWAYS = {"in_channels", "out_channels", "num_relations", "nn"}
# Of GCNConv, as what is derived is always kept; what torch-geometric has, at its default value.
SAID_TO_HAVE_NONE = {"cached", "defaults"}
TESTED_ELSEWHERE = {"fill_value"}  # with edge_dim, in test_call_forms


@pytest.mark.parametrize("kind", OPTIONS, ids=lambda kind: kind.__name__)
def test_every_option_of_a_layer_acts(kind):
    sizes, options = OPTIONS[kind]
    named = set(inspect.signature(kind.__init__).parameters) - {"self"}
    assert named - ALWAYS - SAID_TO_HAVE_NONE - TESTED_ELSEWHERE - {"bias"} == set(options)
    graph = batch().without_weights()
    x = torch.rand(graph.num_nodes, 4) + 0.1

    def answer(**changed):
        torch.manual_seed(0)
        more = {"nn": nn.Linear(4, 6)} if kind is gv.GINConv else {}
        more |= {"K": 2} if kind is gv.ChebConv else {}
        more |= {"heads": 2} if kind is gv.GATv2Conv else {}
        if "cluster" in changed:
            changed["cluster"] = torch.arange(graph.num_nodes)
        layer = kind(*sizes, **(more | changed))
        signal = x.clone()
        torch.manual_seed(1)
        y = layer(signal) if kind is gv.Dropout else layer(signal, graph)
        return y, sum(p.numel() for p in layer.parameters()), torch.equal(signal, x)

    usual, number, kept = answer()
    if "bias" in named:
        assert answer(bias=False)[1] < number
    for name, value in options.items():
        y, count, same = answer(**{name: value})
        changed = y.shape != usual.shape or not torch.allclose(y, usual)
        assert changed or count != number or same != kept, name
