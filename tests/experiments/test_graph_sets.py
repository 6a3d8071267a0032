"""`experiments/gcn_molecules.py` on a graph classification set, with each of its networks."""

import json
from functools import partial

import pytest

from gnnvision.training.checkpoint import read_checkpoint

from ..cli.checkpoints import graphs_in
from .conftest import folder, one_line_error


@pytest.fixture
def root(tmp_path):
    return graphs_in(tmp_path / "data", kinds=False)


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("baseline", "graph_baseline"),
        pytest.param("lecture", "molecule_gcn", marks=pytest.mark.slow),
        pytest.param("strong", "bond_network", marks=pytest.mark.slow),
    ],
)
def test_folds_are_the_seeds(inside, tmp_path, root, model, network):
    run = partial(inside, "gcn_molecules", "--dataset", "mutag", "--data-root", root)
    done = run("--split", "kfold", "--epochs", "1", "--seeds", "2", "--model", model)
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    result = json.loads((left / "result.json").read_text())
    assert (result["dataset"], result["split"]) == ("mutag", "kfold")
    assert len(set(result["split_hashes"])) == 2
    about = read_checkpoint(left / "checkpoints" / "seed-1.safetensors").state
    assert about["spec"]["name"] == network
    assert about["class_names"] == ["not mutagenic", "mutagenic"]


def test_pictures_are_refused(inside):
    one_line_error(
        inside("gcn_molecules", "--dataset", "digits"),
        "'--dataset' must be a dataset of molecules or graphs, got 'digits'",
    )
