import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.explain import Layer, feature_maps, find_layer, layers, receptive_field
from gnnvision.report.layer_nodes import GraphCanvas, MoleculeCanvas, NodesCanvas
from gnnvision.report.style import UNKNOWN

from .canvases import ORANGE, colors, drawn, near

GREY = tuple(int(UNKNOWN[i : i + 2], 16) for i in (1, 3, 5))


def molecule(smiles="CCCCO"):
    reader = gv.data.Featurizer()
    graph = gv.Graph.from_smiles(smiles)
    graph = gv.Graph(graph.edge_index, graph.num_nodes, edge_attr=torch.rand(graph.num_edges, 4))
    return MoleculeCanvas(reader.read(smiles), graph), torch.rand(graph.num_nodes, 5), graph


def test_atoms_are_colored_by_their_number(tmp_path):
    canvas, x, graph = molecule()
    model = gv.Sequential(gv.GCNConv(5, 2))
    layer = layers(model, x, graph)[0]
    values = torch.tensor([1.0, 0, 0, 0, -1.0])
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer), 5 / 7)
    red, blue = near(seen, colors(1.0)), near(seen, colors(0.0))
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
    assert near(seen, colors(1.0)).sum() > 50
    assert not near(seen, colors(0.0)).any()


def chain(num_nodes=4, **more):
    edges = [(i, i + 1) for i in range(num_nodes - 1)]
    graph = gv.Graph.from_edges(edges, num_nodes=num_nodes, undirected=True)
    return GraphCanvas(graph, [n % 2 for n in range(num_nodes)], ["C", "N"]), graph


def test_clusters_are_painted_on_their_nodes(tmp_path):
    canvas, graph = chain()
    pool = gv.GraphPool(2, cluster=[0, 0, 1, 1])
    model = gv.Sequential(gv.GCNConv(2, 2), pool, gv.GCNConv(2, 3))
    layer = find_layer(model, torch.rand(4, 2), graph, "2")
    assert canvas.fits(layer)
    assert canvas.at_nodes(torch.tensor([3.0, -2.0]), layer).tolist() == [3, 3, -2, -2]
    values = torch.tensor([1.0, -1.0])
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer), 0.5)
    red, blue = near(seen, colors(1.0)), near(seen, colors(0.0))
    assert 0.8 < red.sum() / blue.sum() < 1.25
    columns = np.where(red)[1].mean(), np.where(blue)[1].mean()
    assert abs(columns[0] - columns[1]) > seen.shape[1] / 3
    # The site that is shown to see holds the node at the end of the chain.
    assert (
        canvas.site(layer) == layer.cluster[canvas.site(layers(model, torch.rand(4, 2), graph)[0])]
    )


def test_nodes_that_were_left_out_are_gray(tmp_path):
    canvas, graph = chain()
    cluster = torch.tensor([-1, 0, 1, -1])
    layer = Layer("pool", "TopK", (2, 1), graph.subgraph([1, 2]), cluster=cluster)
    found = canvas.at_nodes(torch.tensor([3.0, -2.0]), layer)
    assert found[1:3].tolist() == [3, -2]
    assert found.isnan().tolist() == [True, False, False, True]
    assert canvas.site(layer) in (0, 1)
    values = torch.tensor([1.0, 1.0])
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer), 0.5)
    gray, red = near(seen, GREY, 6), near(seen, colors(1.0))
    assert 0.7 < gray.sum() / red.sum() < 1.4
    middle = seen.shape[1] / 2
    assert np.abs(np.where(red)[1] - middle).max() < np.abs(np.where(gray)[1] - middle).max()


def test_other_sites_have_no_place():
    canvas, graph = chain()
    assert not canvas.fits(Layer("1", "Linear", (3, 2), graph.subgraph([0, 1, 2])))
    assert not canvas.fits(Layer("2", "Readout", (1, 2), None))


@pytest.mark.parametrize(("nodes", "signs"), [(8, True), (80, False)])
def test_a_graph_with_the_kinds_of_its_nodes(tmp_path, nodes, signs):
    canvas, _ = chain(nodes)
    assert canvas.lettered is signs
    half = nodes // 2
    assert f"{half} nodes of type C, {half} nodes of type N" in canvas.note
    plain = drawn(tmp_path / "a.png", lambda axes: canvas.draw_field(axes, None))
    pale = [tuple(round(255 * (0.45 * c + 0.55)) for c in rgb) for rgb in KINDS]
    assert all(near(plain, color, 8).sum() > 50 for color in pale)


KINDS = ((0.0, 0x72 / 255, 0xB2 / 255), (0xE6 / 255, 0x9F / 255, 0.0))


def test_one_kind_needs_no_words():
    graph = gv.Graph.from_edges([(0, 1)], num_nodes=2)
    canvas = GraphCanvas(graph, [0, 0], ["0"])
    assert (canvas.note, canvas.lettered) == ("", False)
    assert canvas.edges == [(0, 1)]


def test_an_edge_that_goes_one_way_is_drawn(tmp_path):
    graph = gv.Graph.from_edges([(2, 0), (1, 2), (2, 2)], num_nodes=3)
    assert GraphCanvas(graph, [0, 0, 0], ["0"]).edges == [(0, 2), (1, 2)]
    assert sorted(NodesCanvas(graph, 0).edges) == [(0, 1), (1, 2)]


def test_nodes_around_one(tmp_path):
    task = gv.data.load("karate")
    canvas = NodesCanvas(task.graph, 11, max_nodes=6)
    assert canvas.nodes[0] == 11
    assert len(canvas.nodes) == 6
    assert canvas.note.startswith("Only the nearest 6 of the")
    assert NodesCanvas(task.graph, 11).note == ""
    model = gv.models.gcn(34, 4, 2).eval()
    layer = layers(model, task.x, task.graph).with_sites()[1]
    values = torch.zeros(34)
    values[11] = 1
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer))
    assert near(seen, colors(1.0)).sum() > 50
    field = receptive_field(model, task.x, task.graph, layer.name, canvas.site(layer))
    assert near(
        drawn(tmp_path / "b.png", lambda axes: canvas.draw_field(axes, field)), ORANGE
    ).any()
