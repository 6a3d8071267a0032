import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import gnnvision as gv
from gnnvision.explain import feature_maps
from gnnvision.report.layer_canvas import ImageCanvas
from gnnvision.report.layer_maps import Depth, draw_depth, draw_map_sheet, layer_label
from gnnvision.report.layer_nodes import GraphCanvas, NodesCanvas
from gnnvision.report.layer_page import InspectedInput, layer_sections


def image_input(name="a photo.jpg"):
    pixels = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    x, grid = pixels[None].float() / 255, gv.Grid((32, 32))
    return InspectedInput(name, x, grid, ImageCanvas(pixels), "Prediction: “cat”.", ("resized",))


def network():
    return gv.models.whitened_cnn(widths=(8, 16, 16)).eval()


def test_an_image_from_local_to_global(tmp_path):
    one, model = image_input(), network()
    by_depth, sheets, filters = layer_sections(model, [one], (), tmp_path)
    assert by_depth.title == "Feature maps by depth: a photo.jpg"
    assert by_depth.lead.startswith("Prediction: “cat”.")
    assert by_depth.note.startswith("Resized.")
    (table,) = by_depth.tables
    assert [row[0] for row in table.rows] == ["0", "2", "3", "4"]
    assert [row[1] for row in table.rows] == ["30 × 30", "15 × 15", "7 × 7", "3 × 3"]
    shares = [float(row[3].split()[0]) for row in table.rows]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(100 * 9 / 1024, abs=0.1)
    assert len(sheets.figures) == 4
    assert len(filters.figures) == 1
    assert all(p.path.is_file() for s in (by_depth, sheets, filters) for p in s.figures)
    with np.load(tmp_path / "1_a_photo.jpg_maps.npz") as held:
        assert list(held) == ["0", "2", "3", "4"]
        expected = feature_maps(model, one.x, one.domain, "2").on_grid()[0]
        np.testing.assert_array_equal(held["2"], expected.numpy())


@pytest.mark.slow
def test_named_layers_and_two_images(tmp_path):
    sections = layer_sections(network(), [image_input("a"), image_input("b")], ("1",), tmp_path)
    assert [section.title for section in sections] == [
        "Feature maps by depth: a", "Feature maps of each layer: a",
        "Feature maps by depth: b", "Feature maps of each layer: b", "Filters",
    ]  # fmt: skip
    assert {path.name for path in tmp_path.glob("*.npz")} == {"1_a_maps.npz", "2_b_maps.npz"}


def test_constant_maps_are_counted(tmp_path):
    model = gv.Sequential(gv.Conv2d(3, 4, 3), gv.Readout("mean"))
    with torch.no_grad():
        model[0].weight[1:3] = 0
    table = layer_sections(model, [image_input()], ("0",), tmp_path)[0].tables[0]
    assert table.head[-1] == "Constant maps"
    assert table.rows[0][-2:] == ("4", "2")


def test_a_model_that_cannot_be_traced_is_still_drawn(tmp_path):
    class Chooses(nn.Module):
        def forward(self, x):
            return x if x.mean() > 0 else -x

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Chooses(), nn.Conv2d(4, 4, 3))
    section = layer_sections(model, [image_input()], (), tmp_path)[0]
    assert "The receptive field of a layer is unknown" in section.note
    assert {row[2] for row in section.tables[0].rows} == {"unknown"}


def test_a_node_of_a_graph(tmp_path):
    task = gv.data.load("karate")
    model = gv.models.gcn(34, 4, 2).eval()
    one = InspectedInput("node 5", task.x, task.graph, NodesCanvas(task.graph, 5), "")
    section, filters = layer_sections(model, [one], (), tmp_path)
    assert "largest absolute weights in layer 1" in filters.figures[0].caption
    assert [row[2] for row in section.tables[0].rows] == ["1 hop", "2 hops"]
    with np.load(tmp_path / "1_node_5_maps.npz") as held:
        assert {value.shape for value in held.values()} == {(4, 34), (2, 34)}


def test_behind_pooling_of_a_graph(tmp_path):
    """Drawn on all nodes with a note; the clusters are stored with the values."""
    edges = [(i, i + 1) for i in range(5)]
    graph = gv.Graph.from_edges(edges, num_nodes=6, undirected=True)
    model = gv.Sequential(gv.GCNConv(2, 3), gv.GraphPool(2), gv.GCNConv(3, 4), gv.Readout())
    one = InspectedInput("a", torch.rand(6, 2), graph, GraphCanvas(graph, [0] * 6, ["0"]), "")
    section = layer_sections(model.eval(), [one], ("0", "2"), tmp_path)[0]
    assert [row[0] for row in section.tables[0].rows] == ["0", "2"]
    assert "After pooling, layer 2 has 3 clusters of nodes" in section.note
    assert "gray" not in section.note
    assert "Not drawn" not in section.note
    with np.load(tmp_path / "1_a_maps.npz") as held:
        maps = feature_maps(model, one.x, graph, "2")
        assert held["2"].shape == (4, 3)
        np.testing.assert_array_equal(held["2 cluster of each node"], maps.layer.cluster)


def test_fewer_maps_than_panels(tmp_path):
    one, model = image_input(), gv.Sequential(gv.Conv2d(3, 2, 3), gv.Conv2d(2, 1, 3))
    sizes = []
    for name in "01":
        depth = Depth(feature_maps(model, one.x, one.domain, name))
        with Image.open(draw_depth(tmp_path / "a.png", one.canvas, depth)) as image:
            sizes.append(image.width)
    assert sizes[0] == sizes[1]
    first = Depth(feature_maps(model, one.x, one.domain, "0"))
    assert draw_map_sheet(tmp_path / "b.png", one.canvas, first) == [0, 1]


def test_layers_with_a_number_for_a_name():
    assert [layer_label(name) for name in ("3", "2.conv")] == ["layer 3", "2.conv"]
