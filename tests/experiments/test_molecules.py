"""The scripts on molecules, as a user runs them: broken rows, prediction, wrong flags."""

import csv
import json
from pathlib import Path

import pytest

from .conftest import folder, one_line_error

GOOD = ["CCO", "CCCCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr", "C1CCCCC1", "OCCO", "CCCC"]
BROKEN = ["C1CC", "", "not a molecule", "*C", "C(C)(C)(C)(C)C"]


@pytest.fixture
def table(tmp_path):
    """40 rows, five of them broken, with a column whose cells hold commas and line breaks."""
    rows = [*GOOD, *BROKEN, *GOOD, *GOOD, *GOOD[:5]]
    place = tmp_path / "measured.csv"
    with place.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "structure", "value", "active"])
        for number, smiles in enumerate(rows):
            note = f"compound {number},\nsecond line"
            writer.writerow([note, smiles, f"{len(smiles) / 2}", str(int("O" in smiles))])
    return place


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


FLAGS = ("--smiles", "structure", "--target", "value", "--epochs", "2", "--seeds", "2")


@pytest.mark.parametrize("model", ["strong", "lecture"])
def test_a_table_trains_and_predicts(inside, tmp_path, table, model):
    done = inside("gcn_molecules", "--csv", table, *FLAGS, "--model", model)
    assert done.returncode == 0, done.stderr
    run = folder(done, tmp_path)
    result = json.loads((run / "result.json").read_text())
    assert sum(result["split_sizes"].values()) == 35
    assert len(list((run / "checkpoints").glob("seed-*.safetensors"))) == 2

    done = inside(
        "predict_molecules", run, table, "--smiles", "structure", "--out", tmp_path / "out.csv"
    )
    assert done.returncode == 0, done.stderr
    assert "5 of 40 rows have no prediction" in done.stderr
    before, after = read(table), read(tmp_path / "out.csv")
    assert [{k: row[k] for k in before[0]} for row in after] == before
    failed = [row for row in after if row["status"] == "failed"]
    assert [row["structure"] for row in failed] == BROKEN
    assert all(row["reason"] and not row["predicted value"] for row in failed)
    fine = [row for row in after if row["status"] == "ok"]
    assert all(float(row["uncertainty value"]) >= 0 for row in fine)
    assert all(0 <= float(row["similarity to training"]) <= 1 for row in fine)
    assert all(row["nearest training molecule"] in GOOD for row in fine)
    assert not any(row["similarity to training"] for row in failed)
    same = {row["structure"]: row["predicted value"] for row in fine}
    assert all(row["predicted value"] == same[row["structure"]] for row in fine)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--smiles", "smile"), "'--smiles' must be one of the columns 'name', 'structure'"),
        (("--smiles", "structure", "--target", "valu"), "Did you mean 'value'?"),
        ((*FLAGS, "--on-invalid", "raise"), "5 of 40 rows cannot be used. row 10: 'C1CC'"),
        ((*FLAGS, "--split", "column"), "'--split-column' must name the column"),
        ((*FLAGS, "--dataset", "esol"), "'--csv' must be given without '--dataset'"),
        ((*FLAGS, "--split", "kfold", "--folds", "99"), "'--folds' must be from 3 to"),
    ],
)
def test_user_errors_exit_with_one_line(inside, table, flags, text):
    done = inside("gcn_molecules", "--csv", table, *flags)
    one_line_error(done, text)


def test_a_table_that_is_not_there(inside):
    done = inside("gcn_molecules", "--csv", "nowhere.csv", "--target", "value")
    one_line_error(done, "must be a file that exists, got 'nowhere.csv'")


def test_a_run_of_another_kind_cannot_predict(inside, tmp_path, table):
    done = inside("cnn_mnist", "--dataset", "digits", "--epochs", "1")
    run = folder(done, tmp_path)
    done = inside("predict_molecules", run, table, "--smiles", "structure")
    one_line_error(done, "must come from a run on molecules")


def test_an_old_checkpoint_predicts_without_a_similarity(inside, tmp_path, table):
    kept = Path(__file__).parents[1] / "training" / "kept" / "molecule_gcn.safetensors"
    done = inside(
        "predict_molecules", kept, table, "--smiles", "structure", "--out", tmp_path / "out.csv"
    )
    assert done.returncode == 0, done.stderr
    assert "'similarity to training' is empty: the checkpoint was written by" in done.stderr
    rows = read(tmp_path / "out.csv")
    assert not any(row["similarity to training"] for row in rows)
    assert any(row["status"] == "ok" for row in rows)


def test_the_overview_of_a_table(inside, made):
    text = "Nr;structure;물질\n1;CCO;에탄올\n2;C1CC;x\n3;OCC;에탄올;y\n"
    (made / "m.csv").write_bytes(text.encode("cp949"))
    done = inside("predict_molecules", "molecules", "m.csv")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    for part in (
        "networks 1, trained on Weights, regression: mass, charge",
        "data m.csv",
        "table 3 rows, 3 columns, semicolon as delimiter, cp949; not UTF-8; decoded",
        "columns SMILES in 'structure', copied unchanged: 'Nr', '물질'",
        "no prediction 2 of 3 rows: 1 (",
        "; 1 (line 4 has 4 cells, but the header has 3",
    ):
        assert part in said
    rows = list(csv.DictReader(done.stdout.splitlines(), delimiter=";"))
    assert [row["structure"] for row in rows] == ["CCO", "C1CC", "OCC"]
    assert [row["status"] for row in rows] == ["ok", "failed", "failed"]
    assert rows[0]["물질"] == "에탄올"
    (made / "n.csv").write_text("name,y\nCCO,1\n")
    one_line_error(
        inside("predict_molecules", "molecules", "n.csv"),
        "'smiles' must name one of the columns 'name', 'y', got none",
    )
