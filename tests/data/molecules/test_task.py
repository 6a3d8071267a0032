import numpy as np
import pytest
import torch

from gnnvision.data import Featurizer, MoleculeTask, load
from gnnvision.data.molecules.encode import encode
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.domains import Graph

SMILES = ["CCO", "c1ccccc1O", "C1CC", "[Na+].[Cl-]", "C", "C/C=C/C(=O)N"]
DEFAULT = Featurizer()


def alone(smiles, featurizer=DEFAULT):
    return batch_molecules(encode([smiles], featurizer), featurizer)


def test_side_by_side_they_are_the_batch_of_each_alone():
    graph, x = batch_molecules(encode(SMILES, DEFAULT), DEFAULT)
    singles = [alone(smiles) for smiles in SMILES]
    expected = Graph.batch([single for single, _ in singles])
    assert graph.num_graphs == len(SMILES)
    for name in ("edge_index", "edge_attr", "offsets"):
        assert torch.equal(getattr(graph, name), getattr(expected, name)), name
    assert torch.equal(x, torch.cat([features for _, features in singles]))


@pytest.mark.parametrize("smiles", [s for s in SMILES if s != "C1CC"])
def test_the_bonds_are_those_of_from_smiles(smiles):
    graph, x = alone(smiles)
    plain = Graph.from_smiles(smiles)
    assert torch.equal(graph.to_dense(), plain.to_dense())
    elements = [DEFAULT.atom_columns[i] for i in x[:, :-1].argmax(1)]
    assert elements == [f"element={name}" for name in plain.node_names]
    if graph.num_edges:
        assert torch.equal(graph.edge_attr[:, :5].argmax(1), plain.edge_type)


def test_both_directions_of_a_bond_follow_one_another_and_are_alike():
    graph, _ = batch_molecules(encode(SMILES, DEFAULT), DEFAULT)
    assert torch.equal(graph.edge_index[:, 0::2], graph.edge_index[:, 1::2].flip(0))
    assert torch.equal(graph.edge_attr[0::2], graph.edge_attr[1::2])
    assert graph.is_undirected


def test_features_are_the_featurizers():
    rows = encode(SMILES, DEFAULT)
    graph, x = batch_molecules(rows, DEFAULT)
    np.testing.assert_array_equal(x, DEFAULT.atom_rows(rows.atoms))
    np.testing.assert_array_equal(graph.edge_attr[0::2], DEFAULT.bond_rows(rows.bonds))
    assert (x.shape[1], graph.edge_attr.shape[1]) == (83, 16)


def test_without_any_molecule():
    graph, x = batch_molecules(encode(["", "C("], DEFAULT), DEFAULT, torch.zeros(2, 3))
    assert (graph.num_graphs, graph.num_nodes, graph.num_edges) == (2, 0, 0)
    assert tuple(x.shape) == (0, 83)
    assert tuple(graph.edge_attr.shape) == (0, 16)
    assert tuple(graph.graph_attr.shape) == (2, 3)


def test_what_prediction_needs_is_said(tmp_path):
    (tmp_path / "x.csv").write_text(
        "smiles,y\n" + "".join(f"{'C' * n},{n}\n" for n in range(1, 9))
    )
    featurizer = Featurizer(hydrogens="explicit")
    task = load(tmp_path / "x.csv", targets="y", featurizer=featurizer, descriptors=True)
    assert isinstance(task, MoleculeTask)
    about = task.input_description()
    assert Featurizer.from_dict(about["featurizer"]) == featurizer
    assert about["featurizer_hash"] == featurizer.hash
    assert (about["kind"], about["targets"]) == ("regression", ["y"])
    assert about["descriptors"] == task.num_graph_attr == task.graphs.graph_attr.shape[1] > 50
    assert task.num_edge_attr == 16
    assert list(task.smiles) == ["C" * n for n in range(1, 9)]
    assert task.in_channels == task.x.shape[1] == featurizer.num_atom_columns
    assert load(tmp_path / "x.csv", targets="y").num_graph_attr == 0
