"""Runs on molecules with several SMILES columns and further inputs; blocks of a long table."""

import csv

import pytest

import gnnvision as gv
from gnnvision.data.molecules import store
from gnnvision.runs import molecules as reader

GOOD = ["C" * (1 + n % 12) + ("O", "N", "c1ccccc1", "C(=O)O", "Cl")[n % 5] for n in range(60)]


def table(count=60):
    return {
        "solute": [GOOD[n % 60] for n in range(count)],
        "solvent": [("O", "CCO", "C")[n % 3] for n in range(count)],
        "T": [280 + n for n in range(count)],
        "y": [n / 8 for n in range(count)],
        "code": [f"m{n}" for n in range(count)],
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "one"
    task = gv.data.molecules.from_table(
        table(), smiles=("solute", "solvent"), targets="y", inputs="T", id="code"
    )
    model = gv.models.build(
        "bond_network",
        in_channels=task.in_channels,
        num_outputs=1,
        bond_channels=task.num_edge_attr,
        descriptors=task.num_graph_attr,
        hidden_channels=8,
        depth=1,
    )
    gv.fit(model, task, gv.Recipe(epochs=1, batch_size=16), seeds=1, folder=folder)
    return gv.load_run(folder)


def test_a_table_in_other_order_and_a_frame_give_the_same(run, tmp_path):
    whole = run.predict(table())
    back = {name: column[::-1] for name, column in reversed(table().items())}
    assert run.predict(back).values.flip(0).allclose(whole.values, atol=1e-5)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([table(), *zip(*table().values(), strict=True)])
    assert run.predict(tmp_path / "t.csv").values.equal(whole.values)
    run.predict(tmp_path / "t.csv").to_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["code"] for row in rows] == table()["code"]
    warmer = run.predict(table() | {"T": [500] * 60})
    assert not warmer.values.allclose(whole.values)


def test_what_is_missing_or_of_another_kind_is_refused(run):
    held = table(3)
    with pytest.raises(ValueError, match="'inputs' must have the column 'T'"):
        run.predict({name: held[name] for name in ("solute", "solvent")})
    with pytest.raises(ValueError, match="'smiles' must be one of the columns 'solute', 'T', got"):
        run.predict({name: held[name] for name in ("solute", "T")})
    with pytest.raises(ValueError, match="'inputs' must have numbers in 'T'"):
        run.predict(held | {"T": ["warm"] * 3})
    with pytest.raises(ValueError, match="'inputs' must have the column 'solvent', got 'solute'"):
        run.predict(["CCO"])
    with pytest.raises(ValueError, match="'smiles' must name 2 columns, as in training"):
        run.predict(held, smiles="solute")
    odd = run.predict(held | {"T": [280, "", 281], "solvent": ["O", "O", "C1C"]})
    assert list(odd.status) == ["ok", "changed", "failed"]
    assert "'solvent': unclosed ring" in odd.reasons[2]


def test_a_table_in_blocks_is_the_table(run, tmp_path, monkeypatch):
    whole = run.predict(table())
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([table(), *zip(*table().values(), strict=True)])
    monkeypatch.setattr(reader, "_ENCODED", 7)
    blocks = list(run.stream(tmp_path / "t.csv"))
    assert [len(block.ids) for block in blocks] == [7] * 8 + [4]
    values = gv.runs.Predictions.join(blocks).values
    assert values.allclose(whole.values, atol=1e-5)
    described = run.describe(tmp_path / "t.csv")
    assert described["table"].startswith("60 rows, 5 columns")
    assert "inputs: 'T'" in described["columns"]


def test_predictions_leave_no_file_behind(run, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("written to the cache")

    monkeypatch.setattr(store, "atomic_write", refuse)
    assert len(run.predict(table(600)).ids) == 600
