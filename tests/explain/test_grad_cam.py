"""Against captum for images, and by the definition for graphs."""

import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import Layer, attribute
from gnnvision.explain.gradients import to_input_sites

from .nets import bonds, cnn, gcn, images, molecules, warm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")

GRID = gv.Grid((8, 10))


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


@pytest.mark.parametrize("layer", ["0", "2", "3", "4", "5"])
@pytest.mark.parametrize("target", [0, 1])
def test_images_agree_with_captum(layer, target):
    model, x = cnn(), images(2)
    cam = captum.LayerGradCam(model, model[int(layer)])
    theirs = cam.attribute(x, target=target, relu_attributions=True).detach()
    expected = captum.LayerAttribution.interpolate(theirs, (8, 10), "bilinear")[:, 0]
    found = attribute(model, x, GRID, "grad_cam", target, layer)
    assert found.layer == layer
    torch.testing.assert_close(found.values, expected)


@pytest.mark.filterwarnings("ignore:Setting backward hooks:UserWarning")
@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require:UserWarning")
def test_guided_grad_cam_agrees_with_captum():
    """Theirs is a product for each channel, ours of the largest of them."""
    model, x = cnn(), images(2)
    cam = captum.GuidedGradCam(model, model[4])
    theirs = cam.attribute(x, target=1, interpolate_mode="bilinear").detach()
    found = attribute(model, x, GRID, "guided_grad_cam", 1, "4")
    torch.testing.assert_close(found.values, theirs.abs().amax(1))


@pytest.mark.parametrize("layer", ["0", "1", "2", "3"])
def test_graphs_follow_the_definition(layer):
    """For each graph, the mean gradient over its nodes weights the channels."""
    model = gcn()
    x, batch = molecules()
    found = attribute(model, x, batch, "grad_cam", 2, layer).values
    upto = int(layer) + 1
    for sample in range(batch.num_graphs):
        graph, nodes = batch.section(sample, sample + 1)
        maps = model[:upto](x[nodes], graph).detach().requires_grad_()
        (grad,) = torch.autograd.grad(model[upto:](maps, graph)[0, 2], maps)
        expected = (maps * grad.mean(0)).sum(1).relu()
        torch.testing.assert_close(found[nodes], expected.detach())


def test_the_same_on_an_image_and_on_its_pixel_graph():
    """One definition for both: a 3 x 3 convolution is a relational one on the pixel graph."""
    grid = gv.Grid((5, 6))
    conv = gv.Conv2d(2, 4, 3, padding="same")
    head = nn.Linear(4, 3)
    image = gv.Sequential(conv, nn.ReLU(), gv.Readout("mean"), head)
    graph = gv.Sequential(gv.RGCNConv.from_grid(conv), nn.ReLU(), gv.Readout("mean"), head)
    x = torch.randn(1, 2, 5, 6)
    pixels = x[0].flatten(1).T.contiguous()
    for method in ("gradient", "input_gradient", "integrated_gradients", "guided_gradient"):
        a = attribute(image, x, grid, method, 1).values
        b = attribute(graph, pixels, grid.to_graph(3), method, 1).values
        torch.testing.assert_close(a.flatten(), b)
    for layer in ("0", "1"):
        a = attribute(image, x, grid, "grad_cam", 1, layer).values
        b = attribute(graph, pixels, grid.to_graph(3), "grad_cam", 1, layer).values
        torch.testing.assert_close(a.flatten(), b)
    a = attribute(image, x, grid, "occlusion", 1, window=1, stride=1).values
    b = attribute(graph, pixels, grid.to_graph(3), "occlusion", 1).values
    torch.testing.assert_close(a.flatten(), b)


def test_a_coarser_graph_gives_each_node_the_value_of_its_cluster():
    x, batch = molecules()
    model = warm(
        gv.Sequential(
            gv.GCNConv(5, 8), nn.ReLU(), gv.GraphPool(2), gv.GCNConv(8, 8), nn.ReLU(),
            gv.GraphPool(2), gv.GCNConv(8, 8), gv.Readout("mean"), nn.Linear(8, 2),
        )
    )  # fmt: skip
    once, twice = model[:3], model[:6]
    with torch.no_grad():
        assert len(twice(x, batch)) < len(once(x, batch)) < len(x)
    for layer, pools in (("3", 1), ("6", 2)):
        found = attribute(model, x, batch, "grad_cam", 0, layer).values
        first = model[2]._coarsen(batch)
        clusters = list(first.order.split(first.starts.diff().tolist()))
        if pools == 2:
            second = model[5]._coarsen(first.graph)
            pairs = second.order.split(second.starts.diff().tolist())
            clusters = [torch.cat([clusters[i] for i in pair]) for pair in pairs]
        for nodes in clusters:
            assert found[nodes].unique().numel() == 1
        assert found.unique().numel() > 2


def test_an_atom_has_the_mean_of_the_bonds_that_arrive():
    x, graph = molecules()
    model = bonds()
    found = attribute(model, x, graph, "grad_cam", 1, "0.conv")
    assert any("The last of 2 calls of layer '0.conv'" in note for note in found.notes)
    kept = []
    handle = model[0].conv.register_forward_hook(lambda m, i, o: kept.append(o))
    (grad,) = torch.autograd.grad(model(x, graph)[:, 1].sum(), kept[-1])
    handle.remove()
    source, target = graph.edge_index
    of_member = graph.graph_index[source]
    for node in range(graph.num_nodes):
        values = []
        for edge in (target == node).nonzero()[:, 0]:
            weight = grad[of_member == of_member[edge]].mean(0)
            values.append((weight * kept[-1][edge]).sum().relu())
        torch.testing.assert_close(found.values[node], torch.stack(values).mean().detach())


def test_channels_may_come_last():
    """As in Swin transformers, where a layer gives (B, H, W, C)."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x):
            return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    model = gv.Sequential(gv.Conv2d(3, 4, 3, padding=1), Last(), nn.ReLU(), gv.Readout("mean"))
    x = images(2)
    inner = attribute(model, x, GRID, "grad_cam", 1, "1.linear")
    outer = attribute(model, x, GRID, "grad_cam", 1, "1")
    assert inner.values.any()
    torch.testing.assert_close(inner.values, outer.values)


def test_a_node_that_pooling_left_out_has_no_say():
    path = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
    coarse = gv.Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
    layer = Layer("pool", "Pool", (2, 4), coarse, cluster=torch.tensor([1, -1, 0]))
    assert to_input_sites(path, torch.tensor([5.0, 7.0]), layer).tolist() == [7.0, 0.0, 5.0]
    unknown = Layer("pool", "Pool", (2, 4), coarse)
    with pytest.raises(ValueError, match="'layer' must have the sites of the input, or clusters"):
        to_input_sites(path, torch.tensor([5.0, 7.0]), unknown)
