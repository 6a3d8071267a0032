import contextlib
import logging

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from gnnvision import Graph
from gnnvision.domains.molecule import MAX_LENGTH, read_smiles

REASONS = {
    "C1CC": "unclosed ring for input: 'C1CC'",
    "C(": "syntax error while parsing: C(; check for mistakes around position 2",
    "CC(C)C)C": "syntax error while parsing: CC(C)C)C|extra close parentheses",
    "[Xx]": "syntax error while parsing: [Xx]; check for mistakes around position 2",
    "CN(C)(C)(C)C": "Explicit valence for atom # 1 N, 5, is greater than permitted",
    "c1cccc1": "Can't kekulize mol.  Unkekulized atoms: 0 1 2 3 4",
    "F.CN(C)(C)(C)C": "Explicit valence for atom # 2 N, 5, is greater than permitted",
    "": "empty: a SMILES has at least one atom",
}


def reason(smiles):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is the result
        read_smiles(smiles)
    return str(caught.value)


@pytest.mark.parametrize("smiles", REASONS)
def test_the_reason_is_rdkits_own_and_the_same_every_time(smiles, capfd):
    said = reason(smiles)
    assert any(said.startswith(known) for known in REASONS[smiles].split("|")), said
    assert reason(smiles) == said
    assert capfd.readouterr() == ("", "")


def test_of_many_problems_a_few_are_named():
    said = reason(".".join(["CN(C)(C)(C)C"] * 5))
    assert said.count("Explicit valence") == 3
    assert said.endswith("; and 2 more")


def test_what_is_too_long_is_not_read():
    assert read_smiles("C" * MAX_LENGTH).GetNumAtoms() == MAX_LENGTH
    assert reason("C" * (MAX_LENGTH + 1)) == f"longer than {MAX_LENGTH} characters"


def test_rdkits_messages_go_where_they_went_before(capfd):
    logger = logging.getLogger("rdkit")
    before = (logger.propagate, list(logger.handlers), rdBase.LogStatus())
    reason("C1CC")
    assert (logger.propagate, list(logger.handlers), rdBase.LogStatus()) == before
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err


ALPHABET = "CNOPSFclnos[]()=#$:/\\@+-.123*H~>{}|% ,"


@given(st.text(ALPHABET, max_size=12))
def test_any_text_is_a_molecule_or_a_value_error(text):
    if Chem.MolFromSmiles(text, sanitize=False) is None:
        assert reason(text)
        return
    with contextlib.suppress(ValueError):  # of valence and the like; no other error
        assert read_smiles(text).GetNumAtoms() > 0


def test_from_mol_takes_the_molecule_as_it_is():
    mol = Chem.MolFromSmiles("C#N")
    graph = Graph.from_mol(mol)
    assert graph.node_names == ("C", "N")
    assert graph.edge_index.tolist() == [[0, 1], [1, 0]]
    assert graph.edge_type.tolist() == [2, 2]
    assert Graph.from_mol(Chem.AddHs(mol)).node_names == ("C", "N", "H")
    with pytest.raises(TypeError, match=r"'mol' must be an rdkit molecule, got str. Use Graph"):
        Graph.from_mol("C#N")


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C", "N->[Cu]"])
def test_the_adjacency_is_rdkits(smiles):
    mol = Chem.MolFromSmiles(smiles)
    expected = torch.from_numpy(Chem.GetAdjacencyMatrix(mol)).double()
    assert torch.equal(Graph.from_smiles(smiles).to_dense(), expected)
    orders = {0: 1.0, 1: 2.0, 2: 3.0, 3: 1.5, 4: 0.0}
    graph = Graph.from_smiles(smiles)
    kinds = torch.zeros_like(expected)
    kinds[graph.edge_index[0], graph.edge_index[1]] = torch.tensor(
        [orders[kind] for kind in graph.edge_type.tolist()]
    ).double()
    if "->" not in smiles:
        bonds = torch.from_numpy(Chem.GetAdjacencyMatrix(mol, useBO=True))
        assert torch.equal(kinds, bonds)
