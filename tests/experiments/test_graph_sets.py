"""`experiments/gcn_molecules.py` on a graph classification set, with each of its networks."""

import json
from functools import partial

import pytest

from gnnvision.training.checkpoint import read_checkpoint

from .conftest import folder, one_sentence


@pytest.fixture
def root(tmp_path):
    """Paths of 2 or 3 nodes, in MUTAG's layout and with its sizes."""
    raw = tmp_path / "data" / "MUTAG" / "raw"
    raw.mkdir(parents=True)
    sizes = [3] * 63 + [2] * 125
    starts = [1 + sum(sizes[:i]) for i in range(188)]
    ends = zip(starts, sizes, strict=True)
    pairs = [(first + i, first + i + 1) for first, size in ends for i in range(size - 1)]
    lines = {
        "A": [f"{a}, {b}\n{b}, {a}" for a, b in pairs],
        "graph_indicator": [g + 1 for g, size in enumerate(sizes) for _ in range(size)],
        "graph_labels": [-1] * 63 + [1] * 125,
    }
    for part, content in lines.items():
        (raw / f"MUTAG_{part}.txt").write_text("\n".join(map(str, content)))
    return tmp_path / "data"


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
    one_sentence(
        inside("gcn_molecules", "--dataset", "digits"),
        "'--dataset' must be molecules or graphs, got 'digits'",
    )
