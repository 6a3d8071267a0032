import numpy as np
import pytest
import torch
from PIL import Image

import gnnvision as gv
from gnnvision.explain import feature_maps, layers, receptive_field
from gnnvision.report.layer_canvas import (
    SEEN,
    MoleculeCanvas,
    NodesCanvas,
    PictureCanvas,
    two_colours,
)
from gnnvision.report.style import drawing, plain_axes

ORANGE = tuple(int(SEEN[i : i + 2], 16) for i in (1, 3, 5))


def drawn(path, draw, aspect=1.0):
    """What a canvas draws, as pixels."""
    with drawing(path, 2 * aspect, 2) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        plain_axes(axes)
        draw(axes)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def near(pixels, colour, most=30):
    return np.abs(pixels - np.array(colour)).max(2) <= most


def colours(share):
    return tuple(round(255 * part) for part in two_colours()(share)[:3])


def test_the_scale_is_white_in_the_middle():
    assert min(colours(0.5)) >= 254
    red, blue = colours(1.0), colours(0.0)
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80


def test_the_frame_is_where_the_field_is(tmp_path):
    model = gv.Sequential(gv.Conv2d(3, 4, 5))
    x, grid = torch.zeros(1, 3, 20, 20), gv.Grid((20, 20))
    canvas = PictureCanvas(torch.zeros(3, 20, 20, dtype=torch.uint8))
    layer = layers(model, x, grid)[0]
    assert canvas.site(layer) == 8 * 16 + 8
    field = receptive_field(model, x, grid, "0", canvas.site(layer))
    seen = near(drawn(tmp_path / "a.png", lambda axes: canvas.draw_field(axes, field)), ORANGE)
    rows, columns = np.where(seen)
    side = seen.shape[0] / 20
    for found, (begin, end) in zip((rows, columns), field.box, strict=True):
        assert abs(found.min() / side - begin) < 0.7
        assert abs(found.max() / side - end) < 0.7
    without = drawn(tmp_path / "b.png", lambda axes: canvas.draw_field(axes, None))
    assert not near(without, ORANGE).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_positive_red_and_negative_blue_at_their_places(tmp_path, channels):
    picture = torch.full((channels, 8, 8), 255, dtype=torch.uint8)
    model = gv.Sequential(gv.MaxPool2d(4))
    layer = layers(model, picture[None].float(), gv.Grid((8, 8)))[0]
    values = torch.tensor([2.0, 0.0, 0.0, -2.0])
    canvas = PictureCanvas(picture)
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer))
    half = seen.shape[0] // 4
    corners = seen[half, half], seen[half, -half], seen[-half, half], seen[-half, -half]
    assert corners[0][0] > corners[0][2] + 50
    assert np.ptp(corners[1]) <= 3
    assert np.ptp(corners[2]) <= 3
    assert corners[3][2] > corners[3][0] + 50


def test_a_map_of_zeros_is_the_picture_alone(tmp_path):
    picture = torch.full((3, 8, 8), 255, dtype=torch.uint8)
    layer = layers(gv.Sequential(gv.MaxPool2d(4)), picture[None].float(), gv.Grid((8, 8)))[0]
    canvas = PictureCanvas(picture)
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, torch.zeros(4), layer))
    assert np.ptp(seen[20:-20, 20:-20]) <= 3


def molecule(smiles="CCCCO"):
    reader = gv.data.Featurizer()
    graph = gv.Graph.from_smiles(smiles)
    graph = gv.Graph(graph.edge_index, graph.num_nodes, edge_attr=torch.rand(graph.num_edges, 4))
    return MoleculeCanvas(reader.read(smiles), graph), torch.rand(graph.num_nodes, 5), graph


def test_atoms_are_coloured_by_their_number(tmp_path):
    canvas, x, graph = molecule()
    model = gv.Sequential(gv.GCNConv(5, 2))
    layer = layers(model, x, graph)[0]
    values = torch.tensor([1.0, 0, 0, 0, -1.0])
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer), 5 / 7)
    red, blue = near(seen, colours(1.0)), near(seen, colours(0.0))
    assert red.sum() > 50
    assert blue.sum() > 50
    assert abs(np.where(red)[1].mean() - np.where(blue)[1].mean()) > seen.shape[1] / 3


def test_the_field_of_an_atom_grows(tmp_path):
    canvas, x, graph = molecule()
    model = gv.Sequential(gv.GCNConv(5, 4), gv.GCNConv(4, 4), gv.GCNConv(4, 4)).eval()
    sizes = []
    for layer in layers(model, x, graph):
        field = receptive_field(model, x, graph, layer.name, canvas.site(layer))
        pixels = drawn(tmp_path / "a.png", lambda axes: canvas.draw_field(axes, field), 5 / 7)  # noqa: B023
        sizes.append(int(near(pixels, ORANGE).sum()))
    assert sizes == sorted(sizes)
    assert sizes[0] * 1.3 < sizes[1] < sizes[2]


def test_edges_are_shown_at_the_atoms_that_they_lead_to(tmp_path):
    canvas, x, graph = molecule("CCO")
    model = gv.models.bond_network(5, 1, 8, bond_channels=4, depth=2)
    maps = feature_maps(model, x, graph, "0.conv")
    assert canvas.fits(maps.layer)
    edge = canvas.site(maps.layer)
    assert graph.edge_index[1, edge] == canvas.site(layers(model, x, graph)[0])
    values = torch.where(graph.edge_index[1] == 0, 1.0, 0.0)
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, maps.layer), 5 / 7)
    assert near(seen, colours(1.0)).sum() > 50
    assert not near(seen, colours(0.0)).any()


def test_pooled_nodes_have_no_place():
    canvas, x, graph = molecule()
    model = gv.Sequential(gv.GCNConv(5, 4), gv.GraphPool(2))
    found = layers(model, x, graph)
    assert [canvas.fits(layer) for layer in found] == [True, False]


def test_nodes_around_one(tmp_path):
    task = gv.data.load("karate")
    canvas = NodesCanvas(task.graph, 11, most=6)
    assert canvas.nodes[0] == 11
    assert len(canvas.nodes) == 6
    assert canvas.note.startswith("Drawn are the nearest 6 of the")
    assert NodesCanvas(task.graph, 11).note == ""
    model = gv.models.gcn(34, 4, 2).eval()
    layer = layers(model, task.x, task.graph).with_sites()[1]
    values = torch.zeros(34)
    values[11] = 1
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer))
    assert near(seen, colours(1.0)).sum() > 50
    field = receptive_field(model, task.x, task.graph, layer.name, canvas.site(layer))
    assert near(
        drawn(tmp_path / "b.png", lambda axes: canvas.draw_field(axes, field)), ORANGE
    ).any()
