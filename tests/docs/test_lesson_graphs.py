"""The numbers of the lesson "From a graph to a prediction", compared with independent ones."""

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.nn import GCNConv
from torch_geometric.utils import from_networkx

import gnnvision as gv
from tests.docs.lessons import printed, run_lesson


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return run_lesson("graphs", tmp_path_factory.mktemp("figures"))


def test_the_normalized_adjacency_by_fractions(lesson):
    names, outputs = lesson
    third, twelfth, eighth = 1 / 3, 12**-0.5, 8**-0.5
    expected = [
        [third, third, twelfth, 0],
        [third, third, twelfth, 0],
        [twelfth, twelfth, 0.25, eighth],
        [0, 0, eighth, 0.5],
    ]
    assert np.allclose(names["A_hat"], expected, atol=1e-6)
    assert "1 / √(3·3)\n= 0.3333" in printed(outputs)
    assert "0.3333·2 + 0.3333·2 + 0.2887·3\n= 0.6667 + 0.6667 + 0.866 = 2.1994" in printed(outputs)


def test_every_step_equals_torch_geometric_and_the_script(lesson):
    names, outputs = lesson
    graph = from_networkx(nx.Graph([(0, 1), (0, 2), (1, 2), (2, 3)]))
    for x, W, b, expected in (
        (names["X"], names["W1"], names["b1"], names["summed"]),
        (names["H"], names["W2"], names["b2"], names["Z"]),
    ):
        theirs = GCNConv(2, 2)
        theirs.load_state_dict({"lin.weight": W.T, "bias": b})
        assert torch.allclose(theirs(x, graph.edge_index), expected, atol=1e-6)
    steps = gv.basics.graph_steps(names["graph"], names["X"], names["columns"]).matrices
    for formula, name in {
        "A: adjacency matrix": "A",
        "X: features": "X",
        "H = ReLU(Â X W₁ + b₁)": "H",
        "Â H W₂ + b₂": "Z",
        "m: mean over the nodes (readout)": "m",
        "softmax(z): probabilities": "probabilities",
    }.items():
        assert torch.allclose(steps[formula], names[name], atol=1e-6), formula
    assert printed(outputs).count("True") >= 3 + 3  # cells that compare, and exercise 3
    assert "False" not in printed(outputs)


def test_the_molecule(lesson):
    names, outputs = lesson
    assert names["atoms"] == ["N0", "C1", "C2", "O3", "O4"]
    assert "C2-O3: double" in printed(outputs)
    assert names["X_atoms"][:, 4].tolist() == [2, 2, 0, 0, 1]
    columns = names["attributes"]
    steps = gv.basics.graph_steps(names["molecule"], names["X_atoms"], columns).matrices
    assert torch.allclose(steps["m: mean over the nodes (readout)"], names["m_atoms"], atol=1e-6)


def test_pixels_by_torch_s_convolution(lesson):
    names, _ = lesson
    y = torch.nn.functional.conv2d(
        names["image"][None, None], names["kernel"][None, None], padding=1
    )
    assert torch.allclose(names["Y"].flatten(), y.flatten())
    assert torch.allclose(names["on_graph"], y.flatten())
    assert names["results"]["pixels"] == y.flatten().tolist()


def test_exercises(lesson):
    _, outputs = lesson
    text = printed(outputs)
    assert "22944 22944" in text
    assert "B  0.408  0.333  0.408" in text
    assert "N0 sees ['N0', 'C1', 'C2']" in text


@pytest.mark.parametrize(
    ("edges", "smiles"),
    [
        (["a-b"], "C"),
        ([f"n{k}-n{k + 1}" for k in range(11)], "Cc1ccc(cc1)C(=O)NC"),
        (["가-나", "다-라"], "[Na+].[Cl-]"),
    ],
)
def test_other_graphs(tmp_path, edges, smiles):
    names, outputs = run_lesson("graphs", tmp_path, edges=edges, smiles=smiles)
    lines = printed(outputs).splitlines()
    assert lines.count("True") == 3
    assert "rows move along:  True" in lines
    assert "the mean stays:   True" in lines
    assert names["molecule"].num_nodes == len(names["atoms"])
