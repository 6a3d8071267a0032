"""Who gets the domain, who gets the edge_index, and who neither."""

import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision import explain
from gnnvision.layers.calling import call, caller, check_takes, form_of

from ..graphs import batch, directed, undirected

GRID = gv.Grid((8, 8))
torch_geometric_nn = pytest.importorskip("torch_geometric.nn")


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x)


def with_forward(function):
    """A module of that forward, a class of its own."""
    return type("Made", (Plain,), {"forward": function})()


def second_of(function):
    """What a module of this forward gets as its second input."""
    got = []
    module = with_forward(function(got.append))
    call(module, torch.ones(1, 4, 8, 8), GRID)
    return got


def head(note):
    def forward(self, x, head=None):
        note(head)
        return x

    return forward


def mask(note):
    def forward(self, x, mask: torch.Tensor | None = None, *, return_features: bool = False):
        note(mask)
        return x

    return forward


def open_ended(note):
    def forward(self, x, *args, **kwargs):
        note(args[0] if args else None)
        return x

    return forward


def flag(note):
    def forward(self, x, domain="source"):
        note(None if domain == "source" else domain)
        return x

    return forward


def another_kind(note):
    def forward(self, x, graph: bool | None = None):
        note(graph)
        return x

    return forward


def required(note):
    def forward(self, x, where):
        note(where)
        return x

    return forward


def by_name(note):
    def forward(self, x, grid=None):
        note(grid)
        return x

    return forward


def by_annotation(note):
    def forward(self, x, where: gv.Grid | None = None):
        note(where)
        return x

    return forward


def by_written_annotation(note):
    def forward(self, x, where: "gv.Domain | NotThere | None" = None):  # noqa: F821
        note(where)
        return x

    return forward


def by_keyword(note):
    def forward(self, x, mask=None, *, domain=None):
        note(domain)
        assert mask is None
        return x

    return forward


@pytest.mark.parametrize("function", [head, mask, open_ended, flag, another_kind])
def test_what_does_not_ask_is_never_given_a_domain(function):
    assert second_of(function) == [None]


@pytest.mark.parametrize(
    "function", [required, by_name, by_annotation, by_written_annotation, by_keyword]
)
def test_what_asks_is_given_the_domain(function):
    assert second_of(function) == [GRID]


def test_layers_of_torch_get_the_signal_alone():
    x = torch.randn(2, 4, 8, 8)
    for layer in (nn.ConvTranspose2d(4, 3, 2), nn.Conv2d(4, 3, 3), nn.Identity(), nn.Flatten()):
        torch.testing.assert_close(call(layer, x, GRID), layer(x))


@pytest.mark.slow
def test_wrappers_are_called_as_what_they_hold():
    graph, x = undirected(), torch.randn(5, 4)
    model = gv.Sequential(gv.GCNConv(4, 3))
    for wrapped in (torch.optim.swa_utils.AveragedModel(model), torch.compile(model)):
        assert form_of(wrapped) == form_of(model)
    average = torch.optim.swa_utils.AveragedModel(model)
    torch.testing.assert_close(call(average, x, graph), model(x, graph))
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # old, but in use
        scripted = torch.jit.trace(nn.Linear(4, 3), x)
    assert form_of(scripted).signal_alone


def test_a_forward_of_one_instance_is_its_own():
    usual, own = Plain(), Plain()
    own.forward = lambda x, domain: x * domain.num_sites
    x = torch.ones(1, 4)
    assert form_of(usual).signal_alone
    torch.testing.assert_close(call(own, x, GRID), 64 * x)


def test_layers_of_torch_geometric_get_the_columns_they_take():
    graph, x = directed(), torch.randn(5, 4)
    peer = torch_geometric_nn.GCNConv(4, 3)
    expected = peer(x, graph.edge_index, graph.edge_weight)
    torch.testing.assert_close(call(peer, x, graph), expected)
    torch.testing.assert_close(caller(peer)(x, graph), expected)
    assert not torch.allclose(expected, peer(x, graph.edge_index))


class Peer(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch_geometric_nn.SAGEConv(4, 3)

    def forward(self, x, edge_index, batch):
        return torch_geometric_nn.global_mean_pool(self.conv(x, edge_index), batch)


def test_a_network_in_the_style_of_torch_geometric():
    graph = batch()
    x, model = torch.randn(graph.num_nodes, 4), Peer()
    expected = model(x, graph.edge_index, graph.graph_index)
    assert len(expected) == graph.num_graphs > 1
    torch.testing.assert_close(call(model, x, graph), expected)
    torch.testing.assert_close(gv.Sequential(model, nn.ReLU())(x, graph), expected.relu())


def test_a_column_that_the_graph_lacks_is_named():
    model = with_forward(lambda self, x, edge_index, edge_weight: x)
    with pytest.raises(TypeError, match="'domain' must have edge_weight for Made"):
        call(model, torch.ones(5, 4), undirected())


class Two(nn.Module):
    """Two inputs, as a siamese network has."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, a, b):
        return (self.conv(a) + self.conv(b)).mean((2, 3))


class TwoSaid(Two):
    def forward(self, a: torch.Tensor, b: torch.Tensor):
        return super().forward(a, b)


class Three(Two):
    def forward(self, a, domain, b):
        return super().forward(a, b)


@pytest.mark.parametrize("kind", [Two, TwoSaid, Three])
def test_a_model_with_two_inputs_is_told_so(kind):
    asked = "'model' must take one signal, or a signal and its domain, got .* requires 'b'"
    x = torch.randn(1, 3, 8, 8)
    with pytest.raises(TypeError, match=asked):
        gv.summary(kind(), GRID)
    with pytest.raises(TypeError, match=asked):
        explain.attribute(kind(), x, GRID, "gradient", target=0)
    with pytest.raises(TypeError, match=asked):
        call(kind(), x, GRID)


def test_graphs_and_images_are_not_mixed_up():
    with pytest.raises(TypeError, match="'model' must take node features and a graph, got Seq"):
        check_takes(nn.Sequential(gv.GCNConv(4, 3)), undirected())
    with pytest.raises(TypeError, match="'model' must take images, got Peer"):
        check_takes(Peer(), GRID)


class SecondHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.main, self.other = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x, other=None):
        features = self.conv(x).relu().mean((2, 3))
        return self.main(features) if other is None else self.other(features)


def test_explanations_are_of_the_output_that_the_model_gives():
    model, x = SecondHead().eval(), torch.randn(1, 3, 8, 8)
    asked = explain.attribute(model, x, GRID, "gradient", target=1)
    torch.testing.assert_close(asked.outputs, model(x))


def test_second_inputs_that_are_something_else_are_refused():
    def network(source):
        made = {"nn": nn}
        exec(source, made)
        return made["Net"]()

    for name in ("return_features", "mask", "labels", "training", "x2", "t", "hidden", "y"):
        net = network(
            f"class Net(nn.Module):\n    def forward(self, x, {name}):\n"
            f"        return 2 * x if {name} else x\n"
        )
        with pytest.raises(TypeError, match=f"requires '{name}' in addition to 'x'"):
            call(net, torch.ones(2, 3), gv.Grid((3,)))
    for name in ("domain", "g", "d", "where"):
        net = network(f"class Net(nn.Module):\n    def forward(self, x, {name}): return {name}\n")
        assert call(net, torch.ones(2, 3), gv.Grid((3,))) == gv.Grid((3,))
