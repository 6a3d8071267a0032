import copy
import gc

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import METHODS, attribute

from .nets import bonds, cases, cnn, gcn, images, molecules, same, state_of

SIGNED = {"input_gradient", "integrated_gradients", "occlusion"}


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


@pytest.mark.parametrize("name", ["cnn", "gcn", "bond_network"])
@pytest.mark.parametrize("method", METHODS)
def test_one_call_for_images_and_graphs(name, method):
    model, x, domain = cases()[name]
    options = {"steps": 8} if method == "integrated_gradients" else {}
    found = attribute(model, x, domain, method, **options)
    assert found.values.shape == x.sum(1).shape
    assert bool(found.values.isfinite().all())
    assert found.signed is (method in SIGNED)
    assert bool((found.values < 0).any()) is found.signed
    with torch.no_grad():
        rows = model(x, domain)
    assert found.target.tolist() == rows.argmax(1).tolist()
    torch.testing.assert_close(found.outputs, rows)
    assert (found.layer is not None) is METHODS[method].takes_layer
    assert (found.completeness is not None) is (method == "integrated_gradients")


@pytest.mark.parametrize("name", ["cnn", "gcn", "bond_network"])
@pytest.mark.parametrize("method", METHODS)
def test_samples_are_independent(name, method):
    model, x, domain = cases()[name]
    options = {"steps": 4} if method == "integrated_gradients" else {}
    together = attribute(model, x, domain, method, [0, 1, 2, 0][: 3 + (name != "cnn")], **options)
    if name == "cnn":
        one, place, values = x[1:2], domain, together.values[1:2]
    else:
        place, nodes = domain.section(1, 2)
        one, values = x[nodes], together.values[nodes]
    alone = attribute(model, one, place, method, 1, **options)
    torch.testing.assert_close(alone.values, values)


@pytest.mark.parametrize("name", ["cnn", "gcn"])
@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(name, method):
    model, x, domain = cases()[name]
    model.train()
    model[1].eval()
    model[0].requires_grad_(False)
    before, given = state_of(model), x.clone()
    options = {"steps": 2} if method == "integrated_gradients" else {}
    with torch.no_grad():
        found = attribute(model, x, domain, method, **options)
    with torch.inference_mode():
        again = attribute(model, x, domain, method, **options)
    torch.testing.assert_close(found.values, again.values)
    assert same(before, state_of(model))
    assert torch.equal(x, given)
    assert not x.requires_grad
    assert not found.values.requires_grad


class Failing(nn.Module):
    """Raises at its n-th call."""

    def __init__(self, calls):
        super().__init__()
        self.left = calls

    def forward(self, x):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the layer broke")
        return x


@pytest.mark.parametrize("name", ["cnn", "gcn"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("calls", [0, 1])
def test_modes_and_hooks_are_restored_after_an_error(name, method, calls):
    model, x, domain = cases()[name]
    model.insert(len(model) - 1, Failing(calls))
    model.train()
    model[1].eval()
    before = state_of(model)
    with pytest.raises(RuntimeError, match="the layer broke"):
        attribute(model, x, domain, method)
    assert same(before, state_of(model))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "calls"), [("gcn", 200), ("cnn", 60)])
def test_memory_is_flat(name, calls):
    model, x, domain = cases()[name]

    def explain(number):
        method = list(METHODS)[number % len(METHODS)]
        options = {"steps": 1} if method == "integrated_gradients" else {}
        attribute(model, x, domain, method, **options)

    def tensors():
        gc.collect()
        return sum(issubclass(type(held), torch.Tensor) for held in gc.get_objects())

    for number in range(len(METHODS)):
        explain(number)
    before, kept = tensors(), len(vars(domain).get("_derived", {}))
    for number in range(calls):
        explain(number)
    assert tensors() == before
    assert len(vars(domain).get("_derived", {})) == kept


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_may_work_in_place(method):
    """Also the very first one, which would overwrite the signal."""
    plain = gv.Sequential(nn.ReLU(), *cnn())
    in_place = copy.deepcopy(plain)
    for layer in in_place.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = True
    x, grid = images(), gv.Grid((8, 10))
    given = x.clone()
    for layer in (None, "5") if METHODS[method].takes_layer else (None,):
        expected = attribute(plain, x, grid, method, layer=layer)
        found = attribute(in_place, x, grid, method, layer=layer)
        torch.testing.assert_close(found.values, expected.values)
    assert torch.equal(x, given)


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "occlusion", "grad_cam"])
def test_a_node_is_explained_where_a_model_has_an_output_for_each(method):
    graph = gv.Graph.from_edges(
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], num_nodes=6, undirected=True
    )
    x = torch.rand(6, 4)
    model = gv.models.gcn(4, 8, 3)
    found = attribute(model, x, graph, method, site=0, **_gcn_layer(method))
    with torch.no_grad():
        assert int(found.target) == int(model.eval()(x, graph)[0].argmax())
    if method != "grad_cam":  # whose layer weights hold for all nodes
        assert not found.values[3:].any()  # two convolutions reach two hops
    assert found.values.any()


def _gcn_layer(method):
    return {"layer": "2"} if method == "grad_cam" else {}


@pytest.mark.slow
def test_integrated_gradients_are_complete_and_say_so():
    for model, x, domain in cases().values():
        found = attribute(model, x, domain, "integrated_gradients")
        assert found.completeness < 0.2
        assert any("completeness" in n for n in found.notes) == (found.completeness > 0.01)
        corrected = attribute(model, x, domain, "integrated_gradients", estimator="corrected")
        assert corrected.completeness < 0.01
        many = attribute(model, x, domain, "integrated_gradients", steps=1000)
        assert many.completeness < 0.05
        with torch.no_grad():
            change = (model(x, domain) - model(0 * x, domain)).gather(1, found.target[:, None])
        summed = gv.Readout("sum")(found.values.unsqueeze(1), domain)
        assert float(((summed - change) / change).abs().max()) == pytest.approx(
            found.completeness, abs=1e-9
        )


def test_notes_on_maps_without_information():
    x, grid = images(1), gv.Grid((8, 10))
    deaf = gv.Sequential(gv.Conv2d(3, 4, 3), gv.Readout("mean"), nn.Linear(4, 2))
    deaf[2].weight.data.zero_()
    assert any("is constant" in n for n in attribute(deaf, x, grid).notes)

    class Rounded(nn.Module):
        def forward(self, x):
            return x.detach().round()

    cut = gv.Sequential(gv.Conv2d(3, 4, 3), Rounded(), gv.Readout("mean"), nn.Linear(4, 2))
    for method in ("gradient", "guided_gradient", "grad_cam", "input_gradient"):
        notes = attribute(cut, x, grid, method).notes
        assert any("not differentiable" in note for note in notes)
    against = gv.Sequential(gv.Conv2d(3, 1, 1), nn.ReLU(), gv.Readout("mean"), nn.Linear(1, 1))
    against[0].weight.data.fill_(1.0)
    against[3].weight.data.fill_(-1.0)
    notes = attribute(against, x.abs(), grid).notes
    assert any("is negative everywhere" in note for note in notes)

    class Root(nn.Module):
        def forward(self, x):
            return (0 * x).sqrt()  # 0 times an infinite slope is NaN

    broken = gv.Sequential(Root(), gv.Readout("mean"), nn.Linear(3, 2))
    found = attribute(broken, x, grid, "gradient")
    assert bool(found.values.isfinite().all())
    assert any("were NaN or infinite" in note for note in found.notes)


REFUSED = [
    ({"method": "gradcam"}, "Did you mean 'grad_cam'"),
    (
        {"target": 3},
        "'target' must be the index of one of the 3 outputs, from 0 to 2, got 3. Indices start",
    ),
    ({"target": -1}, "'target' must be the index of one of the 3 outputs"),
    ({"target": [0, 1]}, "'target' must be one index, or one for each of the"),
    ({"layer": "conv9"}, "'layer' must be the name of a layer, got 'conv9'. Did you mean"),
    ({"method": "gradient", "layer": "0"}, "'layer' must be None for gradient"),
    ({"site": 0}, "'site' must be None unless the model has an output for every node"),
]


@pytest.mark.parametrize("name", ["cnn", "gcn"])
@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_refused(name, change, message):
    model, x, domain = cases()[name]
    with pytest.raises(ValueError, match=message):
        attribute(model, x, domain, **change)


def test_refused_signals_and_layers():
    model, x, graph = cases()["gcn"]
    with pytest.raises(ValueError, match="'layer' must have an output with sites"):
        attribute(model, x, graph, layer="5")
    with pytest.raises(ValueError, match="'x' must be finite, got 1 values"):
        attribute(model, x.index_fill(1, torch.tensor([0]), 0).index_put(
            (torch.tensor([0]), torch.tensor([0])), torch.tensor(torch.nan)), graph)  # fmt: skip
    with pytest.raises(ValueError, match="'x' must be dense"):
        attribute(model, x.to_sparse(), graph)
    with pytest.raises(TypeError, match="'x' must be a floating-point tensor"):
        attribute(model, x.long(), graph)
    with pytest.raises(TypeError, match="'target' must be an integer"):
        attribute(model, x, graph, target=0.5)
    with pytest.raises(
        TypeError, match="'steps' must be left out for gradient: it has no options"
    ):
        attribute(model, x, graph, "gradient", steps=3)
    with pytest.raises(
        TypeError,
        match="'steps' must be left out for occlusion: its options are baseline, window",
    ):
        attribute(model, x, graph, "occlusion", steps=3)
    with pytest.raises(
        ValueError, match=r"'model' must return one row .* Choose a node, as site=0"
    ):
        attribute(gv.Sequential(gv.GCNConv(5, 2)), x, graph)
    whole = gv.Graph(graph.edge_index, graph.num_nodes)
    with pytest.raises(ValueError, match="'site' must be one of the 18 nodes, got 99"):
        attribute(gv.Sequential(gv.GCNConv(5, 2)), x, whole, "gradient", site=99)


def test_a_model_that_says_nan_is_refused():
    model, x, graph = gcn(), *molecules()
    model[-1].bias.data[0] = torch.nan
    with pytest.raises(ValueError, match="'model' must return finite outputs"):
        attribute(model, x, graph)


def test_the_default_layer_is_named():
    x, graph = molecules()
    assert attribute(cnn(), images(), gv.Grid((8, 10))).layer == "4"
    assert attribute(gcn(), x, graph).layer == "2"
    assert attribute(bonds(), x, graph).layer == "0"  # its convolution works on the bonds


def test_a_module_that_takes_the_signal_alone_is_called_so():
    """Its second argument, which is something else, never gets the grid."""

    class Plain(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x, return_features=False):
            return self.inner[:4](x) if return_features else self.inner(x)

    model, x, grid = cnn(), images(2), gv.Grid((8, 10))
    for method, entry in METHODS.items():
        found = attribute(Plain(model), x, grid, method, 1)
        assert found.layer == ("inner.4" if entry.takes_layer else None)
        torch.testing.assert_close(found.values, attribute(model, x, grid, method, 1).values)
