"""OGB's node sets by name: from a folder in place, checked against the card."""

from dataclasses import replace

import pytest

import gnnvision as gv
from gnnvision.data.graphs.ogb_named import load_ogb
from gnnvision.data.graphs.options import GraphOptions

from .test_own_files import N, X, Y, one_graph


def small(name):
    card = gv.data.describe(name)
    sizes = {"num_nodes": N, "num_features": X.shape[1], "num_classes": len(set(Y.tolist()))}
    return replace(card, facts=dict(card.facts) | sizes)


@pytest.mark.parametrize(("name", "folder"), [("ogbn-arxiv", "ogbn_arxiv")])
def test_the_folder_of_the_package_is_read_in_place(tmp_path, name, folder):
    one_graph(tmp_path / folder)
    with pytest.raises(
        ValueError, match=r"The files of 'ogbn-arxiv' must have {'num_nodes': 1693"
    ):
        gv.data.load(name, root=tmp_path)
    task = load_ogb(small(name), GraphOptions(root=tmp_path), name)
    assert (task.name, task.split.name, task.split.sizes["train"]) == (name, "public", 12)
    assert task.graph.is_undirected
    directed = load_ogb(small(name), GraphOptions(root=tmp_path, undirected=False), name)
    assert directed.graph.num_edges <= task.graph.num_edges
    random = load_ogb(small(name), GraphOptions(root=tmp_path, split="random", seed=1), name)
    assert random.split == random.with_seed(2).with_seed(1).split != random.with_seed(2).split


@pytest.mark.parametrize("name", ["ogbn-arxiv", "ogbn-products"])
def test_without_the_folder_the_error_says_where_to_get_it(tmp_path, name):
    with pytest.raises(gv.data.DataNotFound, match="Unpack its archive") as caught:
        gv.data.load(name, root=tmp_path)
    assert caught.value.folder == tmp_path / name.replace("-", "_")
    assert "raw/edge.csv.gz  (https://snap.stanford.edu" in str(caught.value)
    assert not any(file.sha256 for file in gv.data.describe(name).files)
    with pytest.raises(ValueError, match="'dense' must be left out for an OGB dataset"):
        gv.data.load(name, root=tmp_path, dense=True)
