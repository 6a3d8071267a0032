"""Against captum for images and torch-geometric for graphs, and by the definition."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.explain import attribute
from gnnvision.explain.gradients import Guided

from .nets import bonds, cnn, gcn, images, molecules, smooth

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def largest(values):
    return values.abs().amax(1)


def summed(values):
    return values.sum(1)


CAPTUM = {
    "gradient": ("Saliency", largest, {}),
    "input_gradient": ("InputXGradient", summed, {}),
    "guided_gradient": ("GuidedBackprop", largest, {}),
    "integrated_gradients": ("IntegratedGradients", summed, {"n_steps": 50}),
}


@pytest.mark.filterwarnings("ignore:Setting backward hooks:UserWarning")
@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require:UserWarning")
@pytest.mark.parametrize("method", CAPTUM)
@pytest.mark.parametrize("target", [0, 2])
def test_images_agree_with_captum(method, target):
    name, reduce, options = CAPTUM[method]
    model, x = smooth(cnn()) if options else cnn(), images(2)
    theirs = getattr(captum, name)(model).attribute(x, target=target, **options)
    more = {"steps": 100} if options else {}
    ours = attribute(model, x, gv.Grid((8, 10)), method, target, **more).values
    expected = reduce(theirs.detach())
    assert float((ours - expected).abs().max()) < 1e-4 * float(expected.abs().max())


@pytest.mark.filterwarnings("ignore:Setting backward hooks:UserWarning")
@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require:UserWarning")
@pytest.mark.parametrize("method", CAPTUM)
@pytest.mark.parametrize("net", ["gcn", "nodes"])
def test_graphs_agree_with_torch_geometric(method, net):
    explain = pytest.importorskip("torch_geometric.explain")
    x, batch = molecules()
    graph, nodes = batch.section(1, 2)
    graph, x = gv.Graph(graph.edge_index, graph.num_nodes), x[nodes]
    name, reduce, options = CAPTUM[method]
    if net == "gcn":
        model, index, level, site = gcn(), None, "graph", None
    else:
        model, index, level, site = gv.models.gcn(5, 16, 3), 2, "node", 2
        model.eval()
    model = smooth(model) if options else model
    explainer = explain.Explainer(
        model,
        explain.CaptumExplainer(name, **options),
        explanation_type="model",
        node_mask_type="attributes",
        model_config={
            "mode": "multiclass_classification",
            "task_level": level,
            "return_type": "raw",
        },
    )
    theirs = explainer(x, graph.edge_index, index=index).node_mask
    more = {"steps": 100} if options else {}
    ours = attribute(model, x, graph, method, site=site, **more).values
    expected = reduce(theirs.detach())
    assert float(expected.abs().max()) > 0
    assert float((ours - expected).abs().max()) < 1e-4 * float(expected.abs().max())


def test_a_linear_network_is_explained_by_its_weights():
    x, graph = molecules()
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(5, 2))
    w = model[1].weight[1].detach()
    found = attribute(model, x, graph, "gradient", 1).values
    torch.testing.assert_close(found, w.abs().max().expand(len(x)))
    torch.testing.assert_close(attribute(model, x, graph, "input_gradient", 1).values, x @ w)


RECTIFIERS = {
    "ReLU": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "ReLU6": nn.ReLU6(inplace=True),
    "GELU": nn.GELU(),
    "SiLU": nn.SiLU(inplace=True),
    "LeakyReLU": nn.LeakyReLU(0.1),
    "PReLU": nn.PReLU(),
    "ELU": nn.ELU(),
    "Hardswish": nn.Hardswish(),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_the_guided_gradient_is_that_of_the_definition(name):
    """The gradient that arrives is cut off below 0, then the rectifier's own slope is taken."""
    act = RECTIFIERS[name].to(torch.get_default_dtype())
    x, w = torch.randn(4, 3), torch.randn(3, 2)
    given = x.clone().requires_grad_()
    with Guided() as guide:
        out = act(given.clone()) @ w
    assert guide.count == 1
    (found,) = torch.autograd.grad(out[:, 0].sum(), given)
    again = x.clone().requires_grad_()
    arriving = w[:, 0].clamp(min=0).expand(4, 3)
    (expected,) = torch.autograd.grad(act(again.clone()), again, arriving)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "act",
    [torch.relu, F.relu, torch.Tensor.relu, lambda x: x.clone().relu_(), F.relu6],
    ids=["torch", "functional", "method", "in place", "relu6"],
)
def test_rectifiers_that_are_functions_are_guided_too(act):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with Guided() as guide:
        out = (act(x) * torch.tensor([1.0, -1.0])).sum()
    assert guide.count == 1
    (found,) = torch.autograd.grad(out, x)
    assert found.tolist() == [1, 0]
    (found,) = torch.autograd.grad((act(x) * torch.tensor([1.0, -1.0])).sum(), x)
    assert found.tolist() == [1, -1]  # outside of the block nothing is guided


def test_networks_that_call_rectifiers_as_functions():
    """Ours do: residual blocks, messages along bonds."""
    x, graph = molecules()
    plain = attribute(bonds(), x, graph, "gradient", 0)
    guided = attribute(bonds(), x, graph, "guided_gradient", 0)
    assert not guided.notes
    torch.manual_seed(0)
    model = gv.models.small_resnet(3, 2, 8, stages=1)
    assert not attribute(model, images(size=(8, 8)), gv.Grid((8, 8)), "guided_gradient").notes
    assert float((plain.values - guided.values).abs().max()) > 1e-3


def test_what_is_no_rectifier_is_left_alone():
    """A clamp to both sides of 0 and a tanh; and the network's notes say that there is none."""
    x, grid = images(), gv.Grid((8, 10))
    for act in (nn.Tanh, nn.Hardtanh, nn.Sigmoid):
        model = cnn(act)
        found = attribute(model, x, grid, "guided_gradient", 1)
        assert any("no ReLU or similar activation" in note for note in found.notes)
        torch.testing.assert_close(found.values, attribute(model, x, grid, "gradient", 1).values)
