import gzip

import numpy as np
import pytest
import torch

from gnnvision.data import ChecksumError, DataNotFound, Featurizer, MoleculeTask, load
from gnnvision.data.molecules.encode import encode
from gnnvision.data.molecules.task import batch_molecules

from . import made


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.csv"
    path.write_bytes(made.lines().encode())
    return path


def write(path, columns, rows, delimiter=","):
    path.write_text(made.table(columns, rows, delimiter), newline="")
    return path


@pytest.fixture
def plain(tmp_path):
    rows = [(smiles, n / 8, n % 2, "abc"[n % 3]) for n, smiles in enumerate(made.GOOD[:60])]
    return write(tmp_path / "plain.csv", ["smiles", "y", "z", "w"], rows)


def parts(split):
    return sorted([*split.train, *split.val, *split.test])


# --- a table with a tenth of its rows broken --------------------------------------------------


@pytest.mark.parametrize("on_invalid", ["skip", "keep"])
def test_every_row_keeps_its_number_and_each_failure_has_its_reason(broken, on_invalid):
    task = load(broken, targets="y", on_invalid=on_invalid)
    assert isinstance(task, MoleculeTask)
    assert list(task.reasons) == sorted(made.FAILED)
    for row, reason in made.FAILED.items():
        assert reason in task.reasons[row], row
    assert len(task.smiles) == task.graphs.num_graphs == len(task.y) == 200
    good = [row for row in range(200) if row not in made.FAILED]
    assert parts(task.split) == good
    assert [task.smiles[row] for row in good if row not in made.BROKEN] == [
        made.GOOD[row] for row in good if row not in made.BROKEN
    ]
    for row in good[::7] + [row for row in made.BROKEN if row in good]:
        graph, x = batch_molecules(encode([task.smiles[row]], task.featurizer), task.featurizer)
        assert torch.equal(task.x[task.graphs.member_nodes([row])], x)
        assert torch.equal(task.graphs.select([row]).edge_index, graph.edge_index)
        value = 2.5 if row in made.BROKEN else 0.01 * row + 0.5
        assert task.y[row].item() == pytest.approx(value, abs=1e-6)
    assert task.table.rows[190][2] == 'a "quoted" note,\nwhich goes on in\n\nanother line'


def test_batches_hold_only_good_rows(broken):
    task = load(broken, targets="y", on_invalid="skip")
    total = 0
    for part in ("train", "val", "test"):
        for x, graph, y in task.batches(part, 16, torch.Generator().manual_seed(0)):
            assert not y.isnan().any()
            assert graph.offsets.diff().min() > 0
            assert x.isfinite().all()
            total += len(y)
    assert total == 200 - len(made.FAILED)
    mean, _ = task.target_statistics
    train = [task.y[row].item() for row in task.split.train]
    assert mean.item() == pytest.approx(np.mean(train), rel=1e-5)


def test_raise_names_some_rows_with_their_reasons(broken):
    with pytest.raises(ValueError, match="'on_invalid' is 'raise', and 14 of 200 rows") as caught:
        load(broken, targets="y")
    assert "row 0: 'C1CC' (unclosed ring for input: 'C1CC'); row 7: '' (empty" in str(caught.value)
    assert str(caught.value).endswith(
        "; and 9 more. Correct them, or exclude them with on_invalid='skip'."
    )


def test_a_broken_line_says_nothing_about_the_kind_of_a_target(tmp_path):
    lines = ["smiles,y", *(f"{'C' * n},{n % 2}" for n in range(1, 20)), "CC,0.35,1"]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    task = load(tmp_path / "x.csv", targets="y", on_invalid="skip")
    assert task.kind == "multilabel"
    assert list(task.reasons) == [19]
    assert task.y[19].isnan().all()


def test_rows_that_cannot_be_used_at_all(tmp_path):
    path = write(tmp_path / "x.csv", ["smiles", "y"], [("C1CC", 1), ("", 2), ("CC", ""), ("C", 3)])
    with pytest.raises(
        ValueError, match="'smiles' must contain valid SMILES with targets, got 1 usable rows of"
    ):
        load(path, targets="y", on_invalid="skip")
    path = write(tmp_path / "y.csv", ["smiles", "y"], [("C1CC", n) for n in range(9)])
    with pytest.raises(ValueError, match=r"got 0 usable rows of 9. row 0: 'C1CC' .*; and 4 more"):
        load(path, targets="y", on_invalid="skip")
    with pytest.raises(
        ValueError, match="'on_invalid' must be one of 'raise', 'skip', 'keep', got"
    ):
        load(path, targets="y", on_invalid="quarantine")


# --- paths, columns, targets ------------------------------------------------------------------


def test_by_path_compressed_and_with_tabs(plain, tmp_path, monkeypatch):
    task = load(plain, targets="y")
    packed = tmp_path / "plain.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    tabs = tmp_path / "plain.tsv"
    tabs.write_text(plain.read_text().replace(",", "\t"))
    for path in (packed, tabs, str(packed)):
        other = load(path, targets="y")
        assert (other.name, other.data_hash) == ("plain", task.data_hash)
        assert torch.equal(other.x, task.x)
        assert other.split == task.split
    assert task.card.title == "plain.csv"
    monkeypatch.chdir(tmp_path)
    assert load("plain.csv", targets="y").requested == "plain.csv"


def test_the_kinds_of_targets(plain):
    kinds = {"y": "regression", "z": "multilabel", "w": "classification"}
    for target, kind in kinds.items():
        task = load(plain, targets=target)
        assert task.kind == kind
    assert (task.class_names, task.num_outputs) == (("a", "b", "c"), 3)
    both = load(plain, targets=["y", "z"])
    assert (both.kind, both.num_outputs, both.class_names) == ("regression", 2, ("y", "z"))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"targets": "Y"},
            "must be one of the columns 'smiles', 'y', 'z', 'w', got 'Y'",
        ),
        ({"targets": "y", "smiles": "mol"}, "'smiles' must be one of the columns .* got 'mol'"),
        (
            {"kind": "classification"},
            "'targets' must name at least one of the columns 'y', 'z', 'w', got none",
        ),
        ({"targets": "smiles"}, "'targets' must differ from the SMILES column .*got 'smiles'"),
        ({"targets": "y", "split_column": "y"}, "'targets' must differ from .*got 'y'"),
        ({"targets": "y", "split": "mine"}, "'split' must be one of 'random', .* got 'mine'"),
        ({"targets": "y", "split": "full"}, "'split' must be one of 'random', .* got 'full'"),
        ({"targets": "y", "split": "column"}, "'split_column' must name the column"),
        ({"targets": "y", "split_column": "w"}, "'split_column' must have train, val or test"),
        (
            {"targets": "y", "split": "stratified"},
            "'split' must fit the targets, got 'stratified' for 1 targets of kind",
        ),
        ({"targets": "y", "split": "kfold", "folds": 2}, "'folds' must be from 3 to"),
        ({"targets": "y", "seed": -1}, "'seed' must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_asked_for(plain, options, fault):
    with pytest.raises(ValueError, match=fault):
        load(plain, **options)


def test_tables_without_molecules_in_sight(tmp_path):
    other = write(tmp_path / "a.csv", ["molecule", "y"], [("C", 1)] * 9)
    with pytest.raises(ValueError, match="'smiles' must name one of the columns 'molecule', 'y'"):
        load(other, targets="y")
    assert len(load(other, targets="y", smiles="molecule").smiles) == 9
    header = write(tmp_path / "b.csv", ["smiles", "y"], [])
    with pytest.raises(ValueError, match="'csv' must have rows, got only a header"):
        load(header, targets="y")
    with pytest.raises(FileNotFoundError, match="'name' must be a file that exists"):
        load(tmp_path / "gone.csv", targets="y")
    twice = write(tmp_path / "c.csv", ["smiles", "y", "y"], [("C", 1, 2)] * 9)
    with pytest.raises(ValueError, match="'targets' must name one column, got 'y'"):
        load(twice, targets="y")


# --- splits -----------------------------------------------------------------------------------


def test_each_split(plain, tmp_path):
    random = load(plain, targets="y", seed=3)
    assert (random.split_name, random.split.sizes) == (
        "random",
        {"train": 48, "val": 6, "test": 6},
    )
    assert random.with_seed(4).split == load(plain, targets="y", seed=4).split != random.split
    classes = load(plain, targets="w", split="stratified")
    for part in ("train", "val", "test"):
        labels = classes.y[torch.from_numpy(getattr(classes.split, part).copy())]
        counts = labels.bincount(minlength=3)
        assert counts.min() == counts.max()
    folds = [load(plain, targets="z", split="kfold", folds=5, seed=seed) for seed in range(5)]
    assert sorted(row for task in folds for row in task.split.test) == [*range(60)]
    assert all(task.y[torch.from_numpy(task.split.test.copy())].sum() == 6 for task in folds)
    assert folds[0].card.splits["kfold"].description.startswith("For seed s, fold s of 5 is")


def test_a_scaffold_split_says_whose_scaffolds(tmp_path):
    rings = ["c1ccccc1", "C1CCCCC1", "C1CCOC1", "c1ccncc1", "C1CC1", "C1CCC1", "C1CCCC1"]
    rows = [(rings[n % 7] + "C" * (n // 7), n) for n in range(70)]
    task = load(write(tmp_path / "x.csv", ["smiles", "y"], rows), targets="y", split="scaffold")
    found = [{row % 7 for row in getattr(task.split, part)} for part in task.split.sizes]
    assert sum(map(len, found)) == 7  # each ring is in one part alone
    assert "MurckoScaffold" in task.scaffolds
    assert task.with_seed(5).split == task.split
    # A stopped run of before has another order of scaffolds: it must not be resumed with this.
    assert task.split_rule == "scaffold 2"
    links = [(f"C1CCCC1{'C' * n}C1CCCC1", n) for n in range(30)]  # a scaffold of each row
    path = write(tmp_path / "links.csv", ["smiles", "y"], links)
    balanced = load(path, targets="y", split="scaffold_balanced")
    assert (balanced.split_rule, balanced.scaffolds) == ("scaffold_balanced", task.scaffolds)
    assert balanced.with_seed(5).split != balanced.split


def test_a_column_for_the_split(tmp_path):
    rows = [("C" * (n + 1), n, ("train", "train", "val", "test", "")[n % 5]) for n in range(20)]
    path = write(tmp_path / "x.csv", ["smiles", "y", "part"], rows)
    task = load(path, targets="y", split_column="part")
    assert task.split_name == "column"
    assert task.split.sizes == {"train": 8, "val": 4, "test": 4}
    assert set(task.split.test) == {3, 8, 13, 18}


def test_the_hash_is_of_what_the_task_is_made_of(plain, tmp_path):
    task = load(plain, targets="y")
    assert load(plain, targets="y", seed=4).data_hash == task.data_hash
    others = [
        load(plain, targets="z"),
        load(plain, targets="y", descriptors=True),
        load(plain, targets="y", featurizer=Featurizer(hydrogens="explicit")),
    ]
    assert len({task.data_hash, *(other.data_hash for other in others)}) == 4


# --- published sets ---------------------------------------------------------------------------


@pytest.fixture
def published(data_root):
    if data_root is None or not (data_root / "esol" / "raw").is_dir():
        pytest.skip("needs the real ESOL")
    return data_root


def test_esol(published):
    task = load("esol", root=published)
    assert (task.kind, len(task.smiles), task.reasons) == ("regression", 1128, {})
    assert task.split.sizes == {"train": 902, "val": 113, "test": 113}
    assert task.split.hash[:16] == "dc7c1864bc6b6a91"
    y = task.y.double()
    assert y.mean().item() == pytest.approx(-3.0501, abs=5e-5)
    assert y.std().item() == pytest.approx(2.0964, abs=5e-5)
    mean, spread = task.target_statistics
    assert (mean.item(), spread.item()) == pytest.approx((-3.0144, 2.1112), abs=5e-5)
    assert task.class_names == ("measured log solubility in mols per litre",)
    assert (task.graphs.num_nodes, task.graphs.num_edges) == (14991, 30856)
    scaffolds = load("esol", root=published, split="scaffold")
    assert scaffolds.split.sizes == {"train": 902, "val": 113, "test": 113}
    assert task.duplicates()[0].rows == {"train": (779,), "val": (147,)}
    assert (len(task.duplicates()), scaffolds.duplicates()) == (3, ())


@pytest.mark.slow
def test_hiv_by_scaffold(published):
    if not (published / "hiv" / "raw").is_dir():
        pytest.skip("needs the real HIV")
    task = load("hiv", root=published)
    assert (len(task.smiles), len(task.reasons), task.split_name) == (41_913, 7, "scaffold")
    assert task.split.sizes == {"train": 33_524, "val": 4191, "test": 4191}
    positive = {
        part: int(task.y[torch.from_numpy(getattr(task.split, part).copy())].sum())
        for part in task.split.sizes
    }
    assert positive == {"train": 1272, "val": 84, "test": 131}  # OGB's 41,127 rows: 81 and 130
    balanced = load("hiv", root=published, split="scaffold_balanced")
    assert balanced.split.sizes == {"train": 33_524, "val": 4190, "test": 4192}
    assert balanced.with_seed(1).split != balanced.split


@pytest.mark.slow
def test_tox21(published):
    task = load("tox21", root=published, on_invalid="skip")
    assert (task.kind, len(task.smiles), task.num_outputs) == ("multilabel", 8014, 12)
    assert len(task.reasons) == 8
    assert all(said.startswith("Explicit valence for atom") for said in task.reasons.values())
    assert all("Al" in task.smiles[row] for row in task.reasons)
    assert task.split.sizes == {"train": 6405, "val": 800, "test": 801}
    assert task.y.isnan().any()
    assert set(task.y[~task.y.isnan()].unique().tolist()) == {0, 1}


def test_a_published_set_that_is_not_there(tmp_path):
    with pytest.raises(DataNotFound, match=r"delaney-processed.csv"):
        load("esol", root=tmp_path, download=False)


def test_a_table_with_a_card_must_be_the_published_one(tmp_path):
    folder = tmp_path / "esol" / "raw"
    folder.mkdir(parents=True)
    (folder / "delaney-processed.csv").write_bytes(made.lines().encode())
    with pytest.raises(ChecksumError, match=r"delaney-processed.csv must have the SHA-256 8c06a"):
        load("esol", root=tmp_path, download=False)
