import csv

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.explain import sanity_check
from gnnvision.report.attribution_found import ExplainedInput, explain_inputs, write_values
from gnnvision.report.attribution_page import attribution_sections
from gnnvision.report.layer_canvas import ImageCanvas
from gnnvision.report.layer_nodes import MoleculeCanvas


@pytest.fixture
def molecule():
    from rdkit import Chem

    torch.manual_seed(0)
    graph = gv.Graph.from_smiles("CCOC(=O)C")
    canvas = MoleculeCanvas(Chem.MolFromSmiles("CCOC(=O)C"), graph)
    asked = ExplainedInput("CCOC(=O)C", torch.rand(6, 5), graph, canvas, "It says: 2.")
    return gv.models.molecule_gcn(5, 1, 8), asked


def test_a_molecule_without_checks(molecule, tmp_path):
    model, asked = molecule
    methods = ["integrated_gradients", "occlusion"]
    found = explain_inputs(model, [asked], methods, ["solubility"], "regression", checked=False)
    section, reading = attribution_sections(found, tmp_path)
    assert [len(table.rows) for table in reading.tables] == [len(methods)]
    assert section.title == "Attribution maps: CCOC(=O)C"
    assert "“solubility”" in section.lead
    write_values(tmp_path, found)
    with (tmp_path / "attributions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == methods
    assert float(rows[0]["completeness_gap"]) < 0.05
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


def test_forgetting_by_stages(molecule, tmp_path):
    """What is shown of a small input is one check by stages."""
    model, asked = molecule
    (one,) = explain_inputs(model, [asked], ["occlusion"], ["solubility"], "regression")
    direct = sanity_check(
        model, asked.x, asked.domain, "occlusion", one.found["occlusion"].target, draws=20
    )
    stages = one.by_stage("occlusion")
    assert [name for name, _ in stages] == list(direct.layers)
    found = torch.tensor([draws for _, draws in stages], dtype=torch.float64)
    torch.testing.assert_close(found, direct.similarity)
    assert one.sanity["occlusion"].remaining == direct.remaining
    write_values(tmp_path, [one])
    with (tmp_path / "randomization.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["randomized_down_to"] for row in rows] == list(direct.layers)
    found = [float(row["similarity"]) for row in rows]
    np.testing.assert_allclose(found, direct.similarity.mean(1), rtol=1e-5)


def test_a_large_input_has_one_draw_for_each_stage_but_the_last():
    torch.manual_seed(0)
    shown = torch.randint(0, 256, (3, 60, 60), dtype=torch.uint8)
    model = gv.Sequential(
        gv.Conv2d(3, 4, 3), torch.nn.ReLU(), gv.Conv2d(4, 4, 3), gv.Readout("mean"),
        torch.nn.Linear(4, 2),
    )  # fmt: skip
    asked = ExplainedInput("a", shown[None].float(), gv.Grid((60, 60)), ImageCanvas(shown), "")
    (one,) = explain_inputs(model, [asked], ["gradient"], "ab", "classification")
    stages = one.by_stage("gradient")
    assert [(name, len(draws)) for name, draws in stages] == [("4", 1), ("2", 1), ("0", 10)]
    target = one.found["gradient"].target
    whole = sanity_check(model, asked.x, asked.domain, "gradient", target, stages=1, draws=10)
    assert stages[-1][1] == pytest.approx(whole.similarity[0].tolist())


def test_draws_and_orders_are_given_and_written(molecule, tmp_path):
    model, asked = molecule
    (one,) = explain_inputs(
        model, [asked], ["gradient"], ["s"], "regression", draws=5, orders=19
    )  # fmt: skip
    (row,) = one.rows()
    assert (row["randomized_models"], row["random_orders"]) == (5, 19)
    assert row["against_random_orders"] == one.curves["gradient"].verdict
    check = one.sanity["gradient"]
    assert row["randomization_reference_value"] == check.reference.value
    assert row["randomization_interval_low"] == check.interval.low
    assert row["verdict_reason"] == check.reason


def test_what_is_undefined_is_an_empty_cell(molecule):
    """Not 0, and not "depends on the model"."""
    model, asked = molecule
    for weight in model[0].parameters():
        weight.data.zero_()
    (one,) = explain_inputs(model, [asked], ["gradient"], ["s"], "regression", draws=3)
    (row,) = one.rows()
    assert row["verdict"] == "undecided"
    assert row["similarity_after_randomization"] == ""
    assert row["randomization_difference_value"] == ""
