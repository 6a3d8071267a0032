"""Runs on the links of a graph: ranked new links, pairs, and what is stored."""

import pytest
import torch

import gnnvision as gv

from .graphs import tables, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("links") / "run"
    task = gv.data.to_links(gv.data.from_tables(*tables(), label="topic"))
    return train(task, gv.models.gae(task.in_channels, 8, 4), folder, seeds=2, ensemble=True)


@pytest.fixture(scope="module")
def run(trained):
    return gv.load_run(trained.folder, device="cpu")


def test_the_most_probable_links_are_none_that_are_known(run, trained):
    found = run.predict()
    assert len(found) == 100
    assert found.header[:4] == ["source", "target", "predicted link", "uncertainty link"]
    assert {*found.to_dict()["known link"]} == {"no"}
    names = list(run.task.known.node_names)
    edges = {tuple(pair) for pair in run.task.known.edge_index.T.tolist()}
    columns = found.to_dict()
    pairs = zip(columns["source"], columns["target"], strict=True)
    assert not edges & {(names.index(a), names.index(b)) for a, b in pairs}
    assert run.task.data_hash == trained.task.data_hash
    assert (
        run.task.split.test.tolist()
        == trained.task.with_seed(run.about["seed"]).split.test.tolist()
    )


def test_pairs_in_their_order_and_links_of_a_node(run):
    pairs = [("p3", "p4"), ("p0", "p9")]
    found = run.predict(pairs)
    assert list(zip(found.to_dict()["source"], found.to_dict()["target"], strict=True)) == pairs
    each = [gv.data.rank_links(n, run.task, pairs=pairs).probability for n in run.networks]
    torch.testing.assert_close(found.values[:, 0], torch.stack(each).mean(0))
    own = run.predict(["p3"]).to_dict()
    assert all("p3" in pair for pair in zip(own["source"], own["target"], strict=True))
    with pytest.raises(ValueError, match=r"'input' must be a node of .*, got 'zz'"):
        run.predict([("p3", "zz")])


def test_embeddings_and_explanations_of_links(run):
    assert run.embed(["p3", "p4"]).shape == (2, 4)
    torch.testing.assert_close(run.embed(["p4"])[0], run.embed()[4])
    (found,) = run.explain([("p3", "p4")])
    assert found.name == "link p3 to p4"
    assert found["gradient"].values.shape == (60,)
    with pytest.raises(ValueError, match="'input' must be a pair of nodes, got 'p3'"):
        run.explain(["p3"])
