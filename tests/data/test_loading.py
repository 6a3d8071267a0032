import ast
import inspect
from pathlib import Path

import pytest
import torch

import gnnvision as gv
from gnnvision.data import DataNotFound, NodeTask, dataset_names, describe, doors, load, load_auto
from gnnvision.data.molecules.load import SPLITS

from . import made

DOORS = {
    "graphs": gv.data.graphs.load, "images": gv.data.images.load,
    "molecules": gv.data.molecules.load,
}  # fmt: skip


@pytest.fixture
def pubmed(tmp_path, monkeypatch):
    """A root with small files under PubMed's names, and a card of their classes."""
    made.planetoid(tmp_path / "PubMed" / "raw", card_name="pubmed")
    card = made.card("pubmed", folder="PubMed/raw", title="PubMed")
    monkeypatch.setattr(
        doors,
        "describe_named",
        lambda name, registered: card if name == "pubmed" else describe(name),
    )
    return tmp_path


@pytest.mark.filterwarnings("ignore:The files of 'pubmed'.*could not be verified")
def test_pubmed_loads_without_checksums(pubmed):
    task = load("pubmed", root=pubmed)
    assert isinstance(task, NodeTask)
    assert (task.name, task.requested, task.kind) == ("pubmed", "pubmed", "classification")
    assert (task.in_channels, task.num_classes, task.class_names) == (6, 2, ("a", "b"))
    assert task.split.sizes == {"train": 4, "val": 3, "test": 5}
    assert task.split_name == "public"
    rows = task.x.to_dense().sum(1)
    labeled = task.y >= 0
    assert rows[labeled].allclose(torch.ones(17))
    assert rows[~labeled].tolist() == [0]
    assert task.y[13] == -100
    plain = load("pubmed", root=pubmed, normalize_features=False, dense=True)
    assert not plain.x.is_sparse
    assert set(plain.x.unique().tolist()) == {0, 1}
    assert plain.data_hash != task.data_hash
    assert load("pubmed", root=pubmed, dense=True).data_hash == task.data_hash


def test_pubmed_warns_that_it_was_not_verified(pubmed):
    with pytest.warns(UserWarning, match="could not be verified"):
        load("pubmed", root=pubmed)


@pytest.mark.filterwarnings("ignore:The files of 'pubmed'.*could not be verified")
def test_random_splits(pubmed):
    task = load("pubmed", root=pubmed, split="random", seed=3)
    assert (task.split_name, task.seed) == ("random", 3)
    assert task.split.sizes == {"train": 4, "val": 3, "test": 5}
    assert task.with_seed(4).split == load("pubmed", root=pubmed, split="random", seed=4).split
    assert task.split != load("pubmed", root=pubmed).split
    for seed in range(20):
        for part in ("train", "val", "test"):
            assert 13 not in getattr(task.with_seed(seed).split, part)


@pytest.mark.parametrize("name", ["karate", "Karate", "KARATE ", "kar-ate", "kar_ate"])
def test_names_are_read_generously(name):
    assert load(name).name == "karate"


@pytest.mark.parametrize("name", ["karate", "stdlib"])
@pytest.mark.parametrize("split", ["public", "random"])
def test_embedded_sets_need_no_root(name, split, monkeypatch):
    monkeypatch.setenv("GNNVISION_DATA", "/nowhere")
    task = load(name, split=split)
    facts = task.card.facts
    assert tuple(task.x.shape) == (facts["num_nodes"], facts["num_features"])
    assert task.graph.num_edges == facts["num_edges"]
    assert task.num_classes == len(facts["class_sizes"])
    assert len(task.graph.node_names) == facts["num_nodes"]
    assert task.split.hash == load(name, split=split).split.hash


@pytest.mark.parametrize("name", dataset_names())
def test_what_says_that_it_is_embedded_needs_no_root(name, monkeypatch, tmp_path):
    monkeypatch.setenv("GNNVISION_DATA", str(tmp_path))
    if describe(name).embedded:
        assert load(name, download=False).name == name
    else:
        with pytest.raises(OSError, match=r"not|no "):
            load(name, download=False)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("corra", "'name' must be one of 'cora', .*got 'corra'. Did you mean 'cora'?"),
        ("zzz", "got 'zzz'. Choose one"),
        ("", "got ''"),
    ],
)
def test_an_unknown_name(name, fault):
    with pytest.raises(ValueError, match=fault):
        load(name)


def test_a_separator_makes_a_path():
    with pytest.raises(FileNotFoundError, match=r"'path' must be a folder .* got '\.\./corra'"):
        load("../corra")


def test_an_unknown_split_is_said_before_anything_is_read():
    with pytest.raises(ValueError, match="'split' must be one of 'public', 'random', got 'full'"):
        load("cora", split="full")


def test_a_named_set_is_that_one_or_an_error(tmp_path):
    with pytest.raises(DataNotFound, match=r"ind\.cora\.test\.index") as caught:
        load("cora", root=tmp_path, download=False)
    assert caught.value.folder == tmp_path / "Cora" / "raw"


@pytest.mark.parametrize("call", [lambda **k: load("auto", **k), load_auto])
def test_auto_falls_back_and_says_so(tmp_path, call):
    with pytest.warns(UserWarning, match=r"(?s)!!!!.*THIS IS NOT Cora.*ind\.cora\.x") as caught:
        task = call(root=tmp_path, download=False)
    assert (task.name, task.requested) == ("stdlib", "auto")
    assert str(tmp_path / "Cora" / "raw") in str(caught[0].message)


def test_auto_takes_the_real_one_where_it_is(real_data):
    task = load_auto(root=real_data, download=False)
    assert (task.name, task.requested) == ("cora", "auto")
    other = load("auto:CiteSeer", root=real_data, download=False, split="random", seed=1)
    assert (other.name, other.requested, other.split_name) == ("citeseer", "auto", "random")


def test_auto_does_not_hide_a_damaged_file(tmp_path, monkeypatch):
    made.planetoid(tmp_path / "Cora" / "raw", card_name="cora")
    with pytest.raises(ValueError, match=r"ind\.cora\.x must have the SHA-256"):
        load_auto(root=tmp_path, download=False)


def test_every_name_has_a_card_and_a_public_split():
    for name in dataset_names():
        card = describe(name)
        if card.kind == "molecule":  # the splits follow from what is in the table
            assert card.facts["split"] in SPLITS
        else:
            assert {"public", "random"} <= set(card.splits) or name == "cats_dogs"


def test_heavy_libraries_are_imported_where_they_are_used():
    heavy = {
        "networkx",
        "scipy",
        "torch_geometric",
        "sklearn",
        "rdkit",
        "torchvision",
        "PIL",
        "rich",
    }
    for path in Path(doors.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:  # the top level only
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
                assert heavy.isdisjoint(name.split(".")[0] for name in names), path


@pytest.fixture
def registered():
    name = "two_communities"
    yield name
    gv.data.graphs.load.readers.pop(name, None)
    gv.data.graphs.load.registered.discard(name)


def test_a_set_of_ones_own_is_loaded_by_its_name(registered):
    @gv.data.graphs.load.register(registered)
    def read(options):
        return gv.data.graphs.load("karate", seed=options.seed)

    task = gv.data.load("Two-Communities", seed=3)
    assert (task.name, task.requested) == (registered, "Two-Communities")
    assert task.origin == {"name": registered, "seed": 3}
    assert registered in dataset_names()
    assert describe(registered).title == registered
    with pytest.raises(ValueError, match="'image_size' must be left out for graphs, got 3"):
        gv.data.load(registered, image_size=3)


@pytest.mark.parametrize("name", ["Cora", "", "two communities_"])
def test_a_name_that_is_taken(name, registered):
    register = gv.data.graphs.load.register
    if name == "two communities_":
        register(name)(lambda options: None)
        assert register(name)  # one's own can be replaced
        gv.data.graphs.load.readers.pop(name)
        gv.data.graphs.load.registered.discard(name)
        return
    with pytest.raises(ValueError, match=f"'name' must be a new name, got '{name}'"):
        register(name)


def test_every_loader_shows_its_options():
    names = {name: set(inspect.signature(door).parameters) for name, door in DOORS.items()}
    assert {"image_size", "augment", "root"} <= names["images"]
    assert {"smiles", "targets"} <= names["molecules"] - names["graphs"]
    assert all("Args:" in door.__doc__ for door in DOORS.values())
