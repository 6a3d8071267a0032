"""Molecules of one's own: lists, DataFrames, several SMILES columns, inputs, weights, limits."""

import json
import math

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data.molecules.inputs import MoleculeInputs
from gnnvision.data.table import Table, read_table

from . import made

pandas = pytest.importorskip("pandas")
SOLUBILITY = "measured log solubility in mols per litre"


@pytest.fixture(scope="module")
def esol(data_root):
    path = None if data_root is None else data_root / "esol" / "raw" / "delaney-processed.csv"
    if path is None or not path.is_file():
        pytest.skip("needs the real ESOL")
    return pandas.read_csv(path)


def small(**columns):
    return {"smiles": made.GOOD[:60], "y": [n / 8 for n in range(60)], **columns}


# --- lists and frames ---------------------------------------------------------------------------


def test_a_frame_and_lists_are_the_file(esol, data_root):
    named = gv.data.load("esol", root=data_root)
    frame = gv.data.molecules.from_table(esol, targets=SOLUBILITY)
    listed = gv.data.from_smiles(list(esol["smiles"]), esol[SOLUBILITY].to_numpy())
    for task in (frame, listed):
        assert torch.equal(task.y, named.y)
        assert torch.equal(task.x, named.x)
        assert task.split == named.split
    assert frame.data_hash == named.data_hash
    assert frame.table.columns == tuple(esol.columns)


@pytest.mark.parametrize(
    ("y", "names"),
    [
        ([0.5, None, 1.5, float("nan"), 2.5, 3.5], ("y",)),
        (np.array([0.5, np.nan, 1.5, np.nan, 2.5, 3.5], np.float32), ("y",)),
        (torch.tensor([[0.5], [math.nan], [1.5], [math.nan], [2.5], [3.5]]), ("y",)),
        ({"a": [0.5, None, 1.5, None, 2.5, 3.5], "b": [1, 2, 3, None, 5, 7]}, ("a", "b")),
        ([(0.5, 1), (None, 2), (1.5, 3), (None, None), (2.5, 5), (3.5, 7)], ("y1", "y2")),
    ],
)
def test_the_forms_of_targets(y, names):
    task = gv.data.from_smiles(["C" * n for n in range(1, 7)], y)
    assert (task.kind, task.class_names) == ("regression", names)
    assert task.y[:, 0].nan_to_num(-1).tolist() == [0.5, -1, 1.5, -1, 2.5, 3.5]
    assert task.reasons[3] == "no target"
    if len(names) == 2:
        assert task.y[:, 1].nan_to_num(-1).tolist() == [1, 2, 3, -1, 5, 7]


def test_classes_names_and_a_split_of_ones_own(tmp_path):
    split = gv.data.Split("mine", train=range(4, 20), val=[0, 1], test=[2, 3])
    task = gv.data.from_smiles(
        made.GOOD[:20], ["sweet", "bitter"] * 10, split=split, ids=range(100, 120), name="taste"
    )
    assert (task.kind, task.class_names) == ("classification", ("bitter", "sweet"))
    assert (task.name, task.split, task.with_seed(7).split) == ("taste", split, split)
    assert list(task.ids) == [str(n) for n in range(100, 120)]
    assert "names in: 'id'" in task.overview()["columns"]
    with pytest.raises(ValueError, match="contain only indices below 20"):
        gv.data.from_smiles(
            made.GOOD[:20], range(20), split=gv.data.Split("x", range(18), [18], [20])
        )


def test_a_parquet_file_is_the_frame(esol, tmp_path):
    pytest.importorskip("pyarrow")
    esol[:50].to_parquet(tmp_path / "esol.parquet")
    task = gv.data.load(tmp_path / "esol.parquet", targets=SOLUBILITY)
    assert torch.equal(task.y, gv.data.molecules.from_table(esol[:50], targets=SOLUBILITY).y)


@pytest.mark.parametrize(
    ("make", "kind", "fault"),
    [
        (lambda: gv.data.from_smiles("CCO", [1]), TypeError, "'smiles' must be a list of SMILES"),
        (lambda: gv.data.from_smiles(["C", 5], [1, 2]), TypeError, "a list of SMILES.*See row 1"),
        (lambda: gv.data.from_smiles(["C", "N"], [1]), ValueError, "each of the 2 molecules, got"),
        (
            lambda: gv.data.from_smiles(["C"] * 4, [1] * 4, weights=[1]),
            ValueError,
            "'weights' must have one value for each of the 4 molecules",
        ),
        (
            lambda: gv.data.from_smiles(["C"] * 4, [1] * 4, targets="y"),
            ValueError,
            "'targets' must be left out for from_smiles",
        ),
        (
            lambda: gv.data.from_smiles(["C"] * 4, np.zeros((4, 1, 1))),
            ValueError,
            "'y' must have shape",
        ),
        (lambda: gv.data.molecules.from_table(5), TypeError, "'source' must be a path, a DataFr"),
        (
            lambda: gv.data.molecules.from_table(small(n=["a"] * 60), targets="y", id="n"),
            ValueError,
            "'id' must have another value in each row, got 'a' in rows 0 and 1 of 'n'",
        ),
    ],
)
def test_bad_tables_are_refused(make, kind, fault):
    with pytest.raises(kind, match=fault):
        make()


# --- targets that nobody named ------------------------------------------------------------------


def test_every_column_of_numbers_is_a_target_where_none_is_named(tmp_path):
    table = small(
        number=range(60), z=[n % 2 for n in range(60)], word=["a", "b"] * 30,
        w=[1.0] * 60, t=[float(n) for n in range(60, 0, -1)], code=[f"m{n}" for n in range(60)],
    )  # fmt: skip
    pandas.DataFrame(table).to_csv(tmp_path / "t.csv")
    task = gv.data.load(tmp_path / "t.csv", weight="w", inputs="t", id="code")
    # Neither the row numbers nor the columns with another use.
    assert task.class_names == ("y", "z")
    assert task.overview()["targets taken"].startswith("'y', 'z': every column of numbers, since")
    only = gv.data.molecules.from_table(small(), targets="y")
    assert "targets taken" not in only.overview()
    words = {"smiles": made.GOOD[:60], "word": ["a", "b"] * 30}
    with pytest.raises(ValueError, match="'targets' must name at least one of the columns 'word'"):
        gv.data.molecules.from_table(words)


# --- several SMILES columns ---------------------------------------------------------------------


def test_components_are_one_graph_that_knows_them(esol):
    table = pandas.DataFrame({"solute": esol["smiles"], "y": esol[SOLUBILITY]})
    table["solvent"] = np.where(np.arange(len(table)) % 3, "CCO", "O")
    task = gv.data.molecules.from_table(table, smiles=("solute", "solvent"), targets="y")
    single = gv.data.molecules.from_table(table, smiles="solute", targets="y")
    assert task.in_channels == single.in_channels + 2
    assert task.atom_columns[-2:] == ("in 'solute'", "in 'solvent'")
    graphs = task.graphs.unbatch()
    for row in (0, 1, 500):
        nodes = task.graphs.member_nodes([row])
        here = task.x[nodes]
        alone = single.x[single.graphs.member_nodes([row])]
        size = len(alone)
        assert len(here) == size + (3 if row % 3 else 1)
        assert torch.equal(here[:size, :-2], alone)
        assert here[:, -2].tolist() == [1.0] * size + [0.0] * (len(here) - size)
        assert torch.equal(here[:, -2] + here[:, -1], torch.ones(len(here)))
        # No bond joins two components, and the joined SMILES has the same atoms and bonds.
        ends = graphs[row].edge_index < size
        assert torch.equal(ends[0], ends[1])
        joined = gv.Graph.from_smiles(task.smiles[row])
        assert torch.equal(joined.to_dense(), graphs[row].to_dense())
        elements = [task.featurizer.atom_columns[i] for i in here[:, :-3].argmax(1)]
        assert elements == [f"element={name}" for name in joined.node_names]
    assert task.split == single.split


def test_a_component_that_is_invalid_is_named():
    table = small(solvent=["O"] * 59 + ["C1CC"])
    table["smiles"] = [*made.GOOD[:58], "", "C"]
    both = ("smiles", "solvent")
    task = gv.data.molecules.from_table(table, smiles=both, targets="y", on_invalid="skip")
    assert task.reasons[58].startswith("'smiles': empty")
    assert task.reasons[59].startswith("'solvent': unclosed ring")
    assert task.graphs.offsets.diff()[-2:].tolist() == [0, 0]
    explicit = gv.data.Featurizer(hydrogens="explicit")
    with pytest.raises(
        ValueError, match="'featurizer' must have hydrogens='implicit' for several"
    ):
        gv.data.molecules.from_table(table, smiles=both, targets="y", featurizer=explicit)
    with pytest.raises(ValueError, match="'smiles' must name each SMILES column once"):
        gv.data.molecules.from_table(table, smiles=("smiles", "smiles"), targets="y")
    with pytest.raises(ValueError, match="'smiles' must be one of the columns"):
        gv.data.molecules.from_table(table, smiles=("smiles", "other"), targets="y")


# --- further inputs -----------------------------------------------------------------------------


@pytest.mark.slow
def test_inputs_follow_the_descriptors_and_come_back_at_prediction(esol):
    count = len(esol)
    table = {
        "smiles": esol["smiles"], "y": esol[SOLUBILITY],
        "T": np.linspace(280, 360, count), "pH": np.resize(["acid", "base", "neutral"], count),
    }  # fmt: skip
    task = gv.data.molecules.from_table(table, targets="y", inputs=("T", "pH"), descriptors=True)
    plain = gv.data.molecules.from_table(table, targets="y", descriptors=True)
    extra = task.graphs.graph_attr[:, plain.num_graph_attr :]
    assert torch.equal(task.graphs.graph_attr[:, : plain.num_graph_attr], plain.graphs.graph_attr)
    train = extra[torch.from_numpy(np.array(task.split.train)), 0].double()
    assert train.mean().item() == pytest.approx(0, abs=1e-5)
    assert train.std(unbiased=False).item() == pytest.approx(1, abs=1e-5)
    assert extra[:6, 1:4].argmax(1).tolist() == [0, 1, 2, 0, 1, 2]
    assert "'T': number, standardized" in task.overview()["inputs"]
    assert task.data_hash != plain.data_hash

    held = json.loads(json.dumps(task.input_description()))
    inputs = MoleculeInputs.from_description(held)
    assert inputs.columns == ("smiles", "T", "pH")
    new = {name: list(column[:5]) for name, column in table.items()}
    rows = inputs.encode(new)
    assert torch.equal(rows.graphs.graph_attr, task.graphs.graph_attr[:5])
    assert torch.equal(rows.x, task.x[task.graphs.member_nodes(range(5))])
    odd = inputs.encode(new | {"pH": ["acid", "basic", "acid", "base", ""]})
    assert odd.graphs.graph_attr[1, -1].item() == 1  # another word
    assert list(odd.remarks) == [4]
    with pytest.raises(ValueError, match="'inputs' must have the column 'T'"):
        inputs.encode({"smiles": ["C"], "pH": ["acid"]})
    with pytest.raises(ValueError, match="'inputs' must have the column 'smiles', got 'T', 'pH'"):
        inputs.encode({"T": [300], "pH": ["acid"]})
    with pytest.raises(ValueError, match="'inputs' must have numbers in 'T'"):
        inputs.encode({"smiles": ["C"], "T": ["warm"], "pH": ["acid"]})
    table["same"] = ["x"] * count
    with pytest.raises(ValueError, match="'inputs' must have different values in the training"):
        gv.data.molecules.from_table(table, targets="y", inputs="same")
    with pytest.raises(ValueError, match="'inputs' must differ from the SMILES columns and the t"):
        gv.data.molecules.from_table(table, targets="y", inputs="y")


def test_descriptions_of_earlier_versions_are_read():
    task = gv.data.molecules.from_table(small(), targets="y")
    held = task.input_description()
    del held["smiles"]
    inputs = MoleculeInputs.from_description(held)
    assert inputs == MoleculeInputs(task.featurizer)
    with pytest.raises(ValueError, match="'checkpoint' must use the atom and bond features of th"):
        MoleculeInputs.from_description(held | {"featurizer_hash": "0"})


def test_a_table_is_encoded_with_its_problems(tmp_path):
    (tmp_path / "t.csv").write_text("smiles;T\nCC;1,5\nC;2,5;1\nC1C;3,5\n")
    fitted = gv.data.ColumnEncoder.fit({"T": [1.5, 2.5, 3.5]})
    inputs = MoleculeInputs(gv.data.Featurizer(), encoder=fitted)
    rows = inputs.encode(read_table(tmp_path / "t.csv"))
    assert [bool(reason) for reason in rows.reasons] == [False, True, True]
    assert "has 3 cells" in rows.reasons[1]
    assert rows.graphs.offsets.tolist() == [0, 2, 2, 2]
    assert rows.graphs.graph_attr[[0, 2], 0].tolist() == pytest.approx([-1.2247, 1.2247], abs=1e-4)


# --- weights and limits -------------------------------------------------------------------------


def limited(**columns):
    table = small(w=[0.0, *[0.5 + n % 3 for n in range(59)]], **columns)
    y = [str(value) for value in table["y"]]
    y[::6] = [f"<{value}" for value in y[::6]]
    y[1::6] = [f"\u2265 {value}" for value in y[1::6]]
    return table | {"y": y}


def test_limits_and_weights_are_in_the_batches_and_not_in_the_statistics():
    table = limited()
    task = gv.data.molecules.from_table(table, targets="y", bounds=True, weight="w")
    plain = gv.data.molecules.from_table(small(), targets="y")
    assert task.split == plain.split
    found = [y for _, _, y in task.batches("train", 16)]
    y = torch.cat(found)
    rows = task.split.train
    assert tuple(y.shape) == (len(rows), 1, 3)
    assert torch.equal(y[:, 0, 0], plain.y[rows.tolist(), 0])
    assert y[:, 0, 1].tolist() == pytest.approx([table["w"][row] for row in rows])
    assert y[:, 0, 2].tolist() == [{0: -1, 1: 1}.get(row % 6, 0) for row in rows]
    assert task.y[0].isnan().all()
    exact = plain.y[[row for row in rows if row % 6 > 1]].double()
    mean, spread = task.target_statistics
    assert mean.item() == pytest.approx(exact.mean().item(), rel=1e-5)
    assert spread.item() == pytest.approx(exact.std(unbiased=False).item(), rel=1e-5)
    overview = task.overview()
    assert overview["limits"].startswith("10 upper (<) and 10 lower (>) limits add to the loss")
    assert overview["weights"] == "from 0 to 2.5 in the loss; metrics count rows alike"
    assert torch.equal(task.to("cpu").with_seed(3).limits.isnan(), task.limits.isnan())


def test_weights_of_classes():
    table = small(w=[1.0, 2.0] * 30, c=["a", "b", "c"] * 20)
    task = gv.data.molecules.from_table(table, targets="c", weight="w")
    _, _, y = next(task.batches("val"))
    assert y.tolist() == [[row % 3, 1 + row % 2, 0] for row in task.split.val]


@pytest.mark.parametrize(
    ("table", "options", "fault"),
    [
        (limited(), {}, r"rows cannot be used. Read '<5' and '>5' as limits with bounds=True"),
        (limited(), {"on_invalid": "molecules"}, "Read '<5' and '>5' as limits with bounds=True"),
        (small() | {"y": ["<1"] * 60}, {}, "contain plain numbers.*with bounds=True"),
        (small() | {"y": ["<1"] * 60}, {"bounds": True}, "have exact values too"),
        (
            small() | {"y": ["1", "~2"] + ["3"] * 58},
            {"bounds": True},
            "'y' is '~2', a limit or an estimate",
        ),
        (limited(), {"bounds": True, "kind": "multilabel"}, "'bounds' must be left out for kind="),
        (small(w=[-1] * 60), {"weight": "w"}, "'weight' must have a number of at least 0 .*'-1'"),
        (small(w=[""] * 60), {"weight": "w"}, "'weight' must have a number of at least 0 .*''"),
        (small(w=[0] * 60), {"weight": "w"}, "'weight' must have positive numbers, got only 0"),
        (small(), {"weight": "y"}, "'weight' must differ from the SMILES columns and the targets"),
    ],
)
def test_limits_and_weights_that_cannot_be_read(table, options, fault):
    with pytest.raises(ValueError, match=fault):
        gv.data.molecules.from_table(table, targets="y", **options)


def test_training_follows_the_weights_and_the_limits():
    """Constant inputs: the best output is the weighted mean, at most the limits below it."""
    y = ["1"] * 20 + ["3"] * 20 + ["<10"] * 8 + ["1", "2"]
    weights = [3.0] * 20 + [1.0] * 30
    split = gv.data.Split("all", range(48), [48], [49])
    task = gv.data.from_smiles(["C"] * 50, y, bounds=True, weights=weights, split=split)

    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.value = torch.nn.Parameter(torch.tensor(0.5))

        def reset_parameters(self):
            torch.nn.init.constant_(self.value, 0.5)

        def forward(self, x, graph):
            return self.value.expand(graph.num_graphs, 1)

    recipe = gv.Recipe(
        epochs=150, lr=0.03, batch_size=48, weight_decay=0, checkpoint_selection="last"
    )
    model = Constant()
    gv.fit(model, task, recipe, seeds=1)
    assert model.value.item() == pytest.approx(1.5, abs=0.02)


def test_a_table_object_needs_no_conversion():
    table = Table(("smiles", "y"), tuple((s, str(n)) for n, s in enumerate(made.GOOD[:30])))
    assert gv.data.molecules.from_table(table, targets="y").table is table
