"""What `Graph.draw` draws, read from the matplotlib artists."""

import networkx as nx
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from gnnvision import Graph, Grid
from gnnvision._colors import UNKNOWN, class_color


def axes():
    return Figure(figsize=(4, 4)).add_subplot()


def arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def lines(ax):
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return [line for one in found for line in one.get_segments()]


def dots(ax):
    return next(c for c in ax.collections if isinstance(c, PathCollection))


def texts(ax):
    return [text.get_text() for text in ax.texts]


def bends(ax):
    return [round(patch.get_connectionstyle().rad, 2) for patch in arrows(ax)]


def test_an_undirected_edge_is_one_line():
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
    ax = graph.draw(axes())
    assert len(lines(ax)) == 2
    assert not arrows(ax)
    places = dots(ax).get_offsets()
    assert np.allclose(sorted(np.linalg.norm(b - a) for a, b in lines(ax)), [1, 1], atol=0.05)
    assert len(places) == 3
    assert texts(ax) == ["0", "1", "2"]


def test_two_opposite_arrows_with_their_weights_bend_apart():
    graph = Graph.from_edges([(0, 1), (1, 0), (1, 2)], num_nodes=3, edge_weight=[1.0, -2.0, 4.0])
    ax = graph.draw(axes(), edge_labels="weight", edge_widths="weight")
    assert bends(ax) == [0.16, 0.16, 0]
    assert {"1", "-2", "4"} <= set(texts(ax))
    widths = [patch.get_linewidth() for patch in arrows(ax)]
    assert widths == sorted(widths)
    assert [patch.get_linestyle() for patch in arrows(ax)] == ["-", "--", "-"]
    first, second = (text.get_position() for text in ax.texts[-3:-1])
    assert np.linalg.norm(np.subtract(first, second)) > 0.1


def test_parallel_edges_and_self_loops_are_all_seen():
    ax = Graph(torch.tensor([[0, 0, 1, 2], [1, 1, 0, 2]]), 3).draw(axes())
    assert sorted(bends(ax)) == [0.16, 0.16, 0.38]
    loops = [line for line in ax.lines if line.get_marker() != "None"]
    assert len(loops) == 1
    undirected = Graph(torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]]), 2).draw(axes())
    assert sorted(bends(undirected)) == [-0.11, 0.11]
    assert not lines(undirected)


def test_a_molecule_has_rdkit_s_places_and_bonds():
    ax = Graph.from_smiles("C#CC=CO").draw(axes())
    assert texts(ax) == ["C", "C", "C", "C", "O"]
    assert len(lines(ax)) == 3 + 1 + 2 + 1
    benzene = Graph.from_smiles("c1ccccc1").draw(axes())
    assert len(lines(benzene)) == 12
    places = dots(benzene).get_offsets()
    middle = places.mean(0)
    for whole, inner in zip(lines(benzene)[::2], lines(benzene)[1::2], strict=True):
        apart = [np.linalg.norm(line.mean(0) - middle) for line in (whole, inner)]
        assert apart[1] < apart[0] - 0.05
    assert np.allclose(np.linalg.norm(places - middle, axis=1), 1, atol=0.01)


def test_names_that_are_no_elements_are_no_molecule():
    graph = Graph.from_smiles("CCO")
    other = Graph(
        graph.edge_index,
        3,
        edge_type=torch.tensor([0, 0, 1, 1]),
        num_relations=5,
        node_names=("a", "b", "c"),
    )
    ax = other.draw(axes())
    assert len(lines(ax)) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["type 0", "type 1"]


def test_graphs_of_a_batch_stand_side_by_side():
    chains = [nx.path_graph(4), nx.cycle_graph(5), nx.empty_graph(1)]
    batch = Graph.batch([Graph.from_networkx(one) for one in chains])
    batch = Graph(batch.edge_index, 10, offsets=batch.offsets)
    places = dots(batch.draw(axes())).get_offsets()
    members = [places[:4], places[4:9], places[9:]]
    for number, one in enumerate(members):
        for other in members[number + 1 :]:
            assert np.linalg.norm(one[:, None] - other[None], axis=2).min() > 1.4
    molecules = Graph.batch([Graph.from_smiles(s) for s in ("C=C", "CCO")])
    assert len(lines(molecules.draw(axes()))) == 2 + 2


def test_classes_become_colors_with_a_legend():
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3)
    ax = graph.draw(axes(), classes=torch.tensor([1, 0, -100]), class_names=["no", "yes"])
    colors = [to_hex(color) for color in dots(ax).get_facecolors()]
    assert colors == [to_hex(one) for one in (class_color(1), class_color(0), UNKNOWN)]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["unknown", "no", "yes"]
    named = graph.draw(axes(), classes=["Mr. Hi", "Officer", "Mr. Hi"])
    assert [t.get_text() for t in named.get_legend().get_texts()] == ["Mr. Hi", "Officer"]


@pytest.mark.parametrize(("values", "limits"), [([1.0, 2, 5], (1, 5)), ([-1, 2, 0], (-2, 2))])
def test_values_become_colors_with_a_bar(values, limits):
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3)
    ax = graph.draw(axes(), values=values)
    assert len(ax.figure.axes) == 2
    assert ax.figure.axes[1].get_ylim() == limits
    assert len({to_hex(color) for color in dots(ax).get_facecolors()}) == 3


def test_a_value_that_is_missing_is_gray():
    ax = Graph.from_edges([(0, 1)], num_nodes=2).draw(axes(), values=[torch.nan, 1.0])
    assert to_hex(dots(ax).get_facecolors()[0]) == UNKNOWN


def test_given_positions_and_labels():
    graph = Grid((2, 2)).to_graph(kernel_size=3)
    places = torch.tensor([[0.0, 0], [1, 0], [0, -1], [1, -1]])
    ax = graph.draw(axes(), positions=places, labels=["서울", "b", "c", "d"], edge_labels="type")
    assert dots(ax).get_offsets().tolist() == places.tolist()
    assert "서울" in texts(ax)
    family = ax.texts[0].get_fontfamily()
    assert len(family) > 1 or family != ["DejaVu Sans"]


def test_the_layout_is_the_same_in_every_run_and_another_for_another_seed():
    graph = Graph.from_networkx(nx.random_geometric_graph(200, 0.15, seed=0))
    first, again, other = (dots(graph.draw(axes(), seed=s)).get_offsets() for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_large_graphs_have_no_labels_and_are_drawn_fast():
    graph = Graph.from_networkx(nx.scale_free_graph(400, seed=1))
    ax = graph.draw(axes())
    assert not ax.texts
    assert not arrows(ax)
    assert graph.draw(axes(), labels=True).texts


def test_new_axes_and_a_graph_without_nodes():
    from matplotlib import pyplot as plt

    for graph in (Graph.from_edges([], num_nodes=0), Graph.from_edges([(0, 0)], num_nodes=1)):
        ax = graph.draw()
        ax.figure.canvas.draw()
        plt.close(ax.figure)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": ["a"]}, "'labels' must be True, False or a text for each of the 2 nodes"),
        ({"labels": "name"}, "'labels' must be True, False or"),
        ({"classes": [0]}, "'classes' must have one entry for each of the 2 nodes, got 1"),
        ({"classes": [0, 1], "values": [0, 1]}, "'classes' must not be given together"),
        ({"values": [1.0]}, r"'values' must have one number for each node, \(2,\), got \(1,\)"),
        ({"edge_labels": "weight"}, r"a column of the edges \(edge_weight\), got 'weight'"),
        ({"edge_labels": "kind"}, "'edge_labels' must be 'weight' or 'type', or one for each"),
        ({"edge_labels": []}, "'edge_labels' must have a text for each of the 1 edges"),
        ({"edge_widths": [1.0, 2.0]}, "'edge_widths' must have one number for each edge"),
        ({"positions": torch.zeros(2, 3)}, r"'positions' must have shape \(N=2, 2\)"),
        ({"positions": [[0, 0], [0, torch.nan]]}, "be finite, got NaN"),
    ],
)
def test_wrong_arguments(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Graph.from_edges([(0, 1)], num_nodes=2).draw(axes(), **options)


def test_wrong_types_and_sizes():
    graph = Graph.from_edges([(0, 1)], num_nodes=2)
    with pytest.raises(TypeError, match="'classes' must be integers or names"):
        graph.draw(axes(), classes=torch.tensor([0.0, 1.0]))
    with pytest.raises(TypeError, match="'values' must be numbers"):
        graph.draw(axes(), values=["a", "b"])
    with pytest.raises(ValueError, match=r"have at most 3,000 nodes to be drawn, got 5,000"):
        Graph.from_edges([], num_nodes=5_000).draw(axes())
