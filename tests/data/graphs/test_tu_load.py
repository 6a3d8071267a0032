"""Loading of graph datasets in the TU format: locations of the files, splits, errors."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import DataNotFound, GraphTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tu_load import load_tu

from .. import made_tu

RINGS = made_tu.rings()
ODD_MUTAG = "ignore:MUTAG. 1 of 7439 lines of MUTAG_A.txt repeat an edge"


def card(**facts):
    """MUTAG's, for another set of files."""
    return replace(gv.data.describe("mutag"), facts={"num_graphs": 60, **facts})


def load(root, **options):
    return load_tu(card(), GraphOptions(root=root, download=False, **options), "mutag")


@pytest.fixture
def root(tmp_path):
    made_tu.write(tmp_path / "MUTAG" / "raw", "MUTAG", **RINGS)
    return tmp_path


def test_a_task_of_graphs(root):
    task = load(root)
    assert isinstance(task, GraphTask)
    assert (task.kind, task.num_outputs, task.class_names[1]) == ("classification", 2, "mutagenic")
    assert task.y.tolist() == [0, 1] * 30
    assert (task.in_channels, task.num_edge_attr, task.num_graph_attr) == (1, 1, 0)
    sizes = task.graphs.offsets.diff()
    assert sizes.tolist() == [4 + i // 2 % 5 for i in range(60)]
    # A ring has as many edges as nodes, a path one less.
    assert task.graphs.edge_offsets[0].diff().tolist() == (2 * (sizes - 1 + task.y)).tolist()
    assert task.item_names[0] == "graph 1"


@pytest.mark.parametrize("place", ["MUTAG/raw", "MUTAG/MUTAG/raw", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_the_files_and_the_archive_are_the_same_task(tmp_path, root, place, packed):
    other = tmp_path / "other"
    if packed:
        made_tu.pack(other / place / "MUTAG.zip", "MUTAG", **RINGS)
    else:
        made_tu.write(other / place, "MUTAG", **RINGS)
    before = sorted(other.rglob("*"))
    assert load(other).data_hash == load(root).data_hash
    assert sorted(other.rglob("*")) == before, "an archive is not unpacked"


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path):
    path = tmp_path / "MUTAG" / "raw" / "MUTAG.zip"
    made_tu.pack(path, "MUTAG", **RINGS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.txt", "x")
    with pytest.raises(ValueError, match="leads outside the archive"):
        load(tmp_path)


def test_an_archive_of_something_else(tmp_path):
    made_tu.pack(tmp_path / "MUTAG.zip", "OTHER", **RINGS)
    with pytest.raises(ValueError, match=r"must contain MUTAG_A\.txt.* got no MUTAG_A\.txt"):
        load(tmp_path)
    (tmp_path / "MUTAG.zip").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match=r"MUTAG\.zip is damaged"):
        load(tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataNotFound, match=r"graphkerneldatasets/MUTAG\.zip") as caught:
        gv.data.load("mutag", root=tmp_path, download=False)
    assert caught.value.folder == tmp_path / "MUTAG" / "raw"


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"num_graphs": 188}, r"must have {'num_graphs': 188}, got {'num_graphs': 60, 'class"),
        ({"class_sizes": [20, 40]}, r"'class_sizes': \[20, 40\].*'class_sizes': \[30, 30\]"),
    ],
)
def test_another_edition_is_refused(root, facts, fault):
    with pytest.raises(ValueError, match=fault):
        load_tu(card(**facts), GraphOptions(root=root), "mutag")


def test_another_number_of_classes_is_refused(root):
    other = replace(card(), class_names=("a", "b", "c"))
    with pytest.raises(ValueError, match="must have 3 classes, got 2"):
        load_tu(other, GraphOptions(root=root), "mutag")


def test_ten_folds_test_every_graph_once(root):
    task = load(root)
    assert task.split_name == "kfold"
    folds = [task.with_seed(seed).split for seed in range(10)]
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(60))
    for number, fold in enumerate(folds):
        assert fold.sizes == {"train": 48, "val": 6, "test": 6}
        assert task.y.numpy()[fold.test].sum() == 3
        assert fold.val.tolist() == folds[(number + 1) % 10].test.tolist()
    assert task.with_seed(10).split == folds[0]
    assert load(root, split="kfold", seed=3).split == folds[3]
    assert load(root, folds=5).split.sizes == {"train": 36, "val": 12, "test": 12}


def test_drawn_splits(root):
    random, even = load(root, split="random"), load(root, split="stratified")
    for task in (random, even):
        assert task.split.sizes == {"train": 48, "val": 6, "test": 6}
        assert task.with_seed(1).split != task.split
    assert (random.split_name, even.split_name) == ("random", "stratified")
    counts = [even.y.numpy()[even.with_seed(s).split.test].sum() for s in range(5)]
    assert counts == [3] * 5


def test_a_split_that_graphs_have_not():
    with pytest.raises(ValueError, match="'split' must be one of 'public', 'kfold'"):
        gv.data.load("mutag", split="scaffold")


def test_odd_edges_are_said(root):
    pairs = RINGS["A"].splitlines()
    made_tu.write(root / "MUTAG" / "raw", "MUTAG", **RINGS | {"A": "\n".join(pairs[1:])})
    with pytest.warns(UserWarning, match="MUTAG: 1 of .* edges have no reverse edge"):
        load(root)


def test_the_choice_does_not_see_the_test_part(root):
    """Other test labels change the test figures and nothing else."""
    task = replace(load(root), splitter=None)
    y, tested = task.y.clone(), torch.tensor(task.split.test)
    y[tested] = 1 - y[tested]
    recipe = gv.Recipe(epochs=4, batch_size=16)
    results = []
    for asked in (task, replace(task, y=y)):
        torch.manual_seed(0)
        model = gv.models.molecule_gcn(task.in_channels, 2, 8)
        results.append(gv.fit(model, asked, recipe, progress=False))
    (one,), (other,) = (result.outcomes for result in results)
    assert one.history == other.history
    assert one.best_epoch == other.best_epoch
    for name, value in results[0].model.state_dict().items():
        assert value.equal(results[1].model.state_dict()[name]), name
    for part in ("train", "val"):
        assert one.metrics[part] == other.metrics[part]
    assert one.metrics["test"]["accuracy"] == pytest.approx(1 - other.metrics["test"]["accuracy"])


def test_structure_is_learned_where_only_structure_tells(root):
    """A network that sees no edges cannot tell a ring from a path; graph convolution can."""
    task = load(root)
    recipe = gv.Recipe(epochs=60, lr=0.02, batch_size=64)
    accuracy = {}
    for name in ("molecule_gcn", "graph_baseline"):
        model = gv.models.build(
            name, in_channels=task.in_channels, num_outputs=2, hidden_channels=16
        )
        outcome = gv.fit(model, task, recipe, progress=False).outcomes[0]
        accuracy[name] = outcome.metrics["test"]["accuracy"]
    assert accuracy["molecule_gcn"] == 1
    assert accuracy["graph_baseline"] <= 0.75


@pytest.mark.filterwarnings(ODD_MUTAG)
def test_mutag_is_torch_geometric_s(real_data, tmp_path):
    import shutil

    from torch_geometric.datasets import TUDataset

    raw = real_data / "MUTAG" / "MUTAG" / "raw"
    if not raw.is_dir():
        pytest.skip(f"needs MUTAG in {raw}")
    task = gv.data.load("mutag", root=real_data)
    assert (task.graphs.num_graphs, task.graphs.num_nodes) == (188, 3371)
    assert task.y.bincount().tolist() == [63, 125]
    shutil.copytree(raw, tmp_path / "MUTAG" / "raw")
    peer = TUDataset(tmp_path, "MUTAG")
    assert len(peer) == 188
    for number, data in enumerate(peer):
        graph, nodes = task.graphs.section(number, number + 1)
        assert graph.edge_index.equal(data.edge_index)
        assert task.x[nodes].equal(data.x)
        assert task.y[number] == data.y.item()


def test_auto_falls_back_to_molecules(tmp_path):
    with pytest.warns(UserWarning, match=r"(?s)THIS IS NOT MUTAG.*MUTAG\.zip") as caught:
        task = gv.data.load("auto:mutag", root=tmp_path, download=False)
    assert (task.name, task.requested) == ("bioactivity", "auto")
    assert len(caught) == 1
