import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import filters
from gnnvision.report.layer_filter_page import filters_section


def molecule():
    graph = gv.Graph.from_smiles("CCOC(=O)C")
    attr = torch.rand(graph.num_edges, 4)
    graph = gv.Graph(graph.edge_index, graph.num_nodes, edge_attr=attr)
    return torch.rand(graph.num_nodes, 5), graph


def names(section):
    return [picture.path.name for picture in section.figures]


def test_features_of_the_first_layer_by_name(tmp_path):
    (x, graph), model = molecule(), gv.models.molecule_gcn(5, 1, 8).eval()
    features = ["C", "N", "O", "ring", "charge"]
    section = filters_section(model, x, graph, ["0", "2"], tmp_path, features)
    assert names(section) == ["filters_0.svg", "filters_2.png"]
    assert all(picture.path.is_file() for picture in section.figures)
    ((_, row, weight),) = filters(model, "0").strongest(0, 1)
    assert f"map 0: {features[row]} {weight:+.2f};" in section.figures[0].alt
    assert "features of: neighbors and node itself" in section.figures[0].caption
    assert "rows are the 8 maps of the layer before" in section.figures[1].caption
    assert section.lead.startswith("On a graph a filter has no spatial shape")
    assert section.note == ""


@pytest.mark.parametrize("sparse", [False, True])
def test_what_the_input_enters_after_dropout(tmp_path, sparse):
    x, graph = molecule()
    model = gv.models.gcn(5, 4, 2).eval()
    section = filters_section(model, x.to_sparse() if sparse else x, graph, [], tmp_path)
    assert names(section) == ["filters_1.svg"]
    assert "feature " in section.figures[0].alt


def test_linear_layers_where_no_convolution_reads_the_input(tmp_path):
    x, graph = molecule()
    model = gv.models.bond_network(5, 1, 8, bond_channels=4).eval()
    section = filters_section(model, x, graph, ["0.conv", "0"], tmp_path)
    assert names(section) == [
        "filters_0.atom.svg",
        "filters_0.atom_last.svg",
        "filters_0.conv.png",
    ]
    assert "features of: node itself" in section.figures[0].caption


def test_a_polynomial_also_by_frequency(tmp_path):
    x, graph = molecule()
    model = gv.Sequential(gv.ChebConv(5, 4, 3), nn.ReLU(), gv.ChebConv(4, 2, 1))
    section = filters_section(model, x, graph, ["0", "2"], tmp_path)
    assert names(section) == ["filters_0.svg", "filters_2.png", "response_0.svg"]
    assert "T0: node itself, T1: up to 1 hop away" in section.figures[0].caption


def test_kernels_of_images_as_before(tmp_path):
    model = gv.Sequential(gv.Conv2d(3, 4, 3), nn.ReLU(), gv.Conv2d(4, 2, 1))
    x = torch.rand(1, 3, 9, 9)
    section = filters_section(model, x, gv.Grid((9, 9)), ["2"], tmp_path)
    assert names(section) == ["filters_0.svg"]
    assert section.lead.startswith("The kernel of a convolution shows the pattern")
    assert "On a graph" not in section.lead


def test_nothing_to_draw(tmp_path):
    assert (
        filters_section(nn.ReLU(), torch.rand(1, 3, 9, 9), gv.Grid((9, 9)), [], tmp_path) is None
    )
