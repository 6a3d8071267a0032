"""Trained networks on new molecules: same numbers as in training, rows that keep their place."""

import json
import math
from pathlib import Path

import pytest
import torch

import gnnvision as gv
from gnnvision.runs.molecules import NEAREST, SIMILARITY

SMILES = ["CCO", "CCCCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr", "C1CCCCC1", "OCCO", "CCCC"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two seeds on a table of 30 rows, the last of which is no molecule."""
    place = tmp_path_factory.mktemp("run")
    rows = [f"{s},{len(s)}.5,{int('O' in s)}" for s in SMILES * 3][:29]
    (place / "table.csv").write_text("\n".join(["smiles,size,oxygen", *rows, "C1CC,3,0"]) + "\n")
    return place


@pytest.fixture(scope="module")
def trained(folder):
    task = gv.data.load(folder / "table.csv", targets="size", descriptors=True, on_invalid="skip")
    torch.manual_seed(0)
    model = gv.models.build(
        "bond_network",
        in_channels=task.in_channels,
        num_outputs=1,
        hidden_channels=16,
        bond_channels=task.num_edge_attr,
        descriptors=task.num_graph_attr,
    )
    recipe = gv.Recipe(epochs=3, batch_size=8)
    result = gv.fit(
        model, task, recipe, seeds=2, folder=folder / "run", ensemble=True, progress=False
    )
    return task, result


def test_one_network_says_what_it_said_in_training(trained, folder):
    task, result = trained
    predictor = gv.load_run(folder / "run" / "checkpoints" / "best.safetensors")
    rows = result.task.split.test
    answers = predictor.predict([task.smiles[row] for row in rows])
    assert torch.allclose(answers.values, result.best.prediction, atol=1e-5)
    assert answers.spread.isnan().all()


def test_an_ensemble_says_the_mean_and_how_far_they_are_apart(trained, folder):
    files = [folder / "run" / "checkpoints" / f"seed-{n}.safetensors" for n in (0, 1)]
    alone = torch.stack([gv.load_run(f).predict(SMILES).values for f in files])
    together = gv.load_run(folder / "run").predict(SMILES)
    assert torch.allclose(together.values, alone.mean(0), atol=1e-6)
    assert torch.allclose(together.spread, alone.std(0), atol=1e-6)


def test_a_row_that_is_no_molecule_keeps_its_place(trained, folder):
    answers = gv.load_run(folder / "run").predict(["CCO", "C1CC", "", "CCCC"])
    assert [bool(reason) for reason in answers.reasons] == [False, True, True, False]
    assert "unclosed ring" in answers.reasons[1]
    assert answers.values.isnan().flatten().tolist() == [False, True, True, False]


def test_the_nearest_training_molecule_of_each_row(trained, folder):
    """In the checkpoint itself, wherever it is taken."""
    _, result = trained
    predictor = gv.load_run(folder / "run" / "checkpoints" / "best.safetensors")
    train = {result.task.smiles[row] for row in result.task.split.train}
    assert set(predictor.reader.training_molecules.smiles) == train
    known = sorted(train)[0]
    answers = predictor.predict([known, "C1CC", "FC(F)(F)C#N"])
    assert answers.after[SIMILARITY][0] == 1
    assert answers.after[NEAREST][0] in train
    assert math.isnan(answers.after[SIMILARITY][1])
    assert answers.after[NEAREST][1] == ""
    assert 0 <= answers.after[SIMILARITY][2] < 0.5
    assert answers.after[NEAREST][2] in train
    assert answers.notes == ()


def test_similarity_is_tanimotos_coefficient_of_morgan_fingerprints():
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    from gnnvision.data import Featurizer
    from gnnvision.data.molecules.similarity import TrainingMolecules

    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = {s: make.GetFingerprint(Chem.MolFromSmiles(s)) for s in SMILES}
    known = TrainingMolecules(SMILES[:6], Featurizer())
    found = known.nearest(SMILES[6:])
    for text, place, value in zip(SMILES[6:], found.rows, found.similarity, strict=True):
        shares = [DataStructs.TanimotoSimilarity(prints[text], prints[s]) for s in SMILES[:6]]
        assert value == pytest.approx(max(shares))
        assert shares[place] == max(shares)
    again = TrainingMolecules.from_text(known.to_text(), Featurizer())
    assert again.smiles == known.smiles
    for damaged in ("", "#nothing", known.to_text()[:-5], None, 3):
        with pytest.raises(ValueError, match="'checkpoint' must contain the SMILES"):
            TrainingMolecules.from_text(damaged, Featurizer())


def test_an_ensemble_knows_what_any_of_its_networks_was_trained_with(folder, tmp_path):
    task = gv.data.load(folder / "table.csv", targets="size", on_invalid="skip")
    model = gv.models.build("molecule_gcn", in_channels=task.in_channels, num_outputs=1)
    gv.fit(
        model, task, gv.Recipe(epochs=1), seeds=2, folder=tmp_path, ensemble=True, progress=False
    )  # fmt: skip
    alone = [gv.load_run(tmp_path / "checkpoints" / f"seed-{n}.safetensors") for n in (0, 1)]
    every = set().union(*(set(one.reader.training_molecules.smiles) for one in alone))
    assert set(gv.load_run(tmp_path).reader.training_molecules.smiles) == every


def test_nothing_but_broken_rows(trained, folder):
    answers = gv.load_run(folder / "run").predict(["", "("])
    assert answers.values.shape == (2, 1)
    assert answers.values.isnan().all()
    assert gv.load_run(folder / "run").predict([]).values.shape == (0, 1)


def test_a_batch_does_not_matter(trained, folder):
    predictor = gv.load_run(folder / "run")
    one_by_one = torch.cat([predictor.predict([text]).values for text in SMILES])
    assert torch.allclose(predictor.predict(SMILES).values, one_by_one, atol=1e-5)


def test_a_network_of_another_kind(folder, tmp_path):
    task = gv.data.load("karate")
    model = gv.models.build("gcn", in_channels=34, hidden_channels=4, num_classes=2)
    gv.fit(model, task, gv.Recipe(epochs=1), folder=tmp_path, progress=False)
    with pytest.raises(ValueError, match=r"must come from a run on molecules, got .*Zachary"):
        gv.load_run(tmp_path).check_kind("molecule")


def test_features_of_another_release(trained, folder, tmp_path):
    from gnnvision.training.checkpoint import read_checkpoint, write_checkpoint

    held = read_checkpoint(folder / "run" / "checkpoints" / "best.safetensors")
    held.state["input"]["featurizer_hash"] = "0" * 64
    write_checkpoint(tmp_path / "best.safetensors", held)
    with pytest.raises(ValueError, match="use the atom and bond features of this version"):
        gv.load_run(tmp_path)


def test_an_ensemble_needs_a_folder(trained):
    task, result = trained
    with pytest.raises(ValueError, match="'folder' must be given to keep an ensemble"):
        gv.fit(result.model, task, ensemble=True, progress=False)


@pytest.mark.parametrize("kind", ["multilabel", "classification"])
def test_probabilities(folder, tmp_path, kind):
    task = gv.data.load(folder / "table.csv", targets="oxygen", kind=kind, on_invalid="skip")
    model = gv.models.build(
        "molecule_gcn", in_channels=task.in_channels, num_outputs=task.num_outputs
    )
    gv.fit(model, task, gv.Recipe(epochs=2), folder=tmp_path, progress=False)
    values = gv.load_run(tmp_path).predict(SMILES).values
    assert values.shape == (len(SMILES), task.num_outputs)
    assert ((values > 0) & (values < 1)).all()
    if kind == "classification":
        assert torch.allclose(values.sum(1), torch.ones(len(SMILES)), atol=1e-6)


def test_everything_that_prediction_needs_is_in_the_checkpoint(trained, folder):
    from safetensors import safe_open

    with safe_open(folder / "run" / "checkpoints" / "best.safetensors", "pt") as file:
        about = json.loads(file.metadata()["gnnvision"])
    assert about["input"]["targets"] == ["size"]
    assert about["input"]["featurizer"]["version"] == 1
    assert about["spec"]["name"] == "bond_network"


# Networks that were trained when molecules came, on ESOL for 20 epochs, width 8. These numbers
# must never change, whatever becomes of the code.
KEPT = Path(__file__).parents[1] / "training" / "kept"
ASKED = [
    "CCO",
    "c1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@H](N)C(=O)O",
    "C/C=C/C",
    "[Na+].CC(=O)[O-]",
    "Clc1ccc(cc1)C(c1ccc(Cl)cc1)C(Cl)(Cl)Cl",
]
SAID = {
    "molecule_gcn": [0.41354, -0.37028, -1.96009, -0.04444, -0.88382, -1.26675, -5.3035],
    "bond_network": [1.15276, -0.12779, -1.38123, 0.86309, -2.19541, 0.21017, -6.3674],
}


@pytest.mark.parametrize("name", SAID)
def test_an_old_checkpoint_keeps_its_word(name):
    predictor = gv.load_run(KEPT / f"{name}.safetensors")
    answers = predictor.predict(ASKED)
    assert all(map(math.isnan, answers.after[SIMILARITY]))
    assert set(answers.after[NEAREST]) == {""}
    assert "without its training molecules" in answers.notes[0]
    assert answers.values[:, 0].tolist() == pytest.approx(SAID[name], abs=1e-4)
