import csv

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.report.attribution_found import Asked, explain_inputs, write_values
from gnnvision.report.attribution_page import sections_of
from gnnvision.report.layer_canvas import MoleculeCanvas


@pytest.fixture
def molecule():
    from rdkit import Chem

    torch.manual_seed(0)
    graph = gv.Graph.from_smiles("CCOC(=O)C")
    canvas = MoleculeCanvas(Chem.MolFromSmiles("CCOC(=O)C"), graph)
    asked = Asked("CCOC(=O)C", torch.rand(6, 5), graph, canvas, "It says: 2.")
    return gv.models.molecule_gcn(5, 1, 8), asked


def test_a_molecule_without_checks(molecule, tmp_path):
    model, asked = molecule
    methods = ["integrated_gradients", "occlusion"]
    found = explain_inputs(model, [asked], methods, ["solubility"], "regression", checked=False)
    (section,) = sections_of(found, tmp_path)
    assert section.title == "CCOC(=O)C"
    assert "“solubility”" in section.lead
    write_values(tmp_path, found)
    with (tmp_path / "attributions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == methods
    assert float(rows[0]["completeness_gap"]) < 0.01
    assert rows[0]["verdict"] == ""
    with np.load(tmp_path / "attributions.npz") as held:
        expected = found[0].found["occlusion"].values.numpy()
        np.testing.assert_array_equal(held["1_occlusion"], expected)


def test_the_first_target_of_a_regression(molecule):
    model = gv.models.molecule_gcn(5, 3, 8)
    (one,) = explain_inputs(model, [molecule[1]], ["gradient"], "abc", "regression", checked=False)
    assert one.target == "a"
    (one,) = explain_inputs(
        model, [molecule[1]], ["gradient"], "abc", "regression", target=2, checked=False
    )
    assert one.target == "c"
