"""Masks, indices and ranges say which; floats and what is neither are refused."""

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import Split
from gnnvision.domains.checks import to_index, to_indices

from ..graphs import batch, undirected

SAME = {
    "list": [1, 3],
    "tuple": (1, 3),
    "range": range(1, 5, 2),
    "int64": torch.tensor([1, 3]),
    "int32": torch.tensor([1, 3], dtype=torch.int32),
    "numpy": np.array([1, 3]),
    "numpy uint16": np.array([1, 3], dtype=np.uint16),
    "numpy integers": [np.int64(1), np.int32(3)],
    "mask": torch.tensor([False, True, False, True, False]),
    "numpy mask": np.array([False, True, False, True, False]),
    "list mask": [False, True, False, True, False],
    "numpy booleans": list(np.array([False, True, False, True, False])),
}
EMPTY = [[], (), range(0), torch.empty(0, dtype=torch.int64), np.array([], dtype=int), [False] * 5]
REFUSED = {
    "float": ([1.0, 3.0], TypeError, "'nodes' must be integers or a boolean mask, got float"),
    "float tensor": (torch.tensor([1.5]), TypeError, "must be integers"),
    "half": (torch.tensor([1.0], dtype=torch.bfloat16), TypeError, "must be integers"),
    "empty float": (torch.empty(0), TypeError, "must be integers"),
    "text": (["1", "3"], TypeError, "must be integers"),
    "uint8": (torch.tensor([0, 1, 0, 1, 0], dtype=torch.uint8), TypeError, "got torch.uint8"),
    "both": (
        [True, 3],
        TypeError,
        "must be either indices or a mask, got a mix of booleans and integers",
    ),
    "short mask": ([True, False], ValueError, "must be a mask of 5 booleans.*got shape \\(2,\\)"),
    "long mask": (torch.ones(6, dtype=torch.bool), ValueError, "must be a mask of 5 booleans"),
    "negative": ([-1], ValueError, "'nodes' must .*from 0 to 4.*, got -1"),
    "too large": ([0, 5], ValueError, "'nodes' must .*from 0 to 4.*, got 5"),
    "two axes": ([[0, 1]], ValueError, "'nodes' must have one axis, got shape \\(1, 2\\)"),
    "a number": (torch.tensor(3), ValueError, "must have one axis"),
    "None": (None, TypeError, "must be integers"),
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME)
def test_the_same_choice_in_every_form(given):
    graph = undirected()
    assert to_indices(given, 5, "nodes").tolist() == [1, 3]
    expected = graph.subgraph(torch.tensor([1, 3]))
    assert torch.equal(graph.subgraph(given).edge_index, expected.edge_index)
    many = gv.Graph.batch([undirected() for _ in range(5)])
    assert many.member_nodes(given).tolist() == [*range(5, 10), *range(15, 20)]
    assert many.select(given).num_nodes == 10
    assert torch.equal(many.select(given).edge_attr[:10], graph.edge_attr)


@pytest.mark.parametrize("given", EMPTY, ids=range(len(EMPTY)))
def test_none_chosen(given):
    assert undirected().subgraph(given).num_nodes == 0
    many = gv.Graph.batch([undirected() for _ in range(5)])
    assert many.member_nodes(given).tolist() == []
    assert many.select(given).num_graphs == 0


@pytest.mark.parametrize(("given", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_neither_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        undirected().subgraph(given)
    many = gv.Graph.batch([undirected() for _ in range(5)])
    for choose in (many.select, many.member_nodes):
        with pytest.raises(
            error, match=message.replace("nodes", "members").replace("0 to 4", ".*")
        ):
            choose(given)


def test_members_of_other_sizes():
    graph = batch()
    mask = torch.zeros(graph.num_graphs, dtype=torch.bool)
    mask[[1, 4]] = True
    chosen = graph.select(mask)
    assert chosen.num_graphs == 2
    assert torch.equal(chosen.edge_index, graph.select([1, 4]).edge_index)
    x = torch.arange(graph.num_nodes)
    assert torch.equal(x[graph.member_nodes(mask)], x[graph.member_nodes([1, 4])])


@pytest.mark.parametrize("given", [3, np.int64(3), torch.tensor(3)])
def test_one_index(given):
    assert to_index(given, 5, "node") == 3
    assert undirected().neighborhood(given).tolist() == undirected().neighborhood(3).tolist()


@pytest.mark.parametrize("given", [True, 3.0, "3", None, torch.tensor(True), torch.tensor(3.0)])
def test_what_is_no_index(given):
    with pytest.raises(TypeError, match="'node' must be an integer"):
        undirected().neighborhood(given)


def test_an_index_out_of_range():
    for node in (-1, 5):
        with pytest.raises(ValueError, match=f"'node' must be from 0 to 4, got {node}"):
            undirected().neighborhood(node)
    with pytest.raises(ValueError, match="'hops' must be at least 0, got -1"):
        undirected().neighborhood(0, -1)
    with pytest.raises(
        ValueError, match="'start' must be at most 'stop' and both from 0 to num_graphs"
    ):
        batch().section(-1, 2)


def test_images_by_mask():
    task = gv.data.load("digits")
    mask = torch.zeros(len(task.y), dtype=torch.bool)
    mask[[2, 5]] = True
    assert torch.equal(task.images_at(mask), task.images_at([2, 5]))
    assert task.images_at([]).shape == (0, 1, 8, 8)
    with pytest.raises(TypeError, match="'indices' must be integers"):
        task.images_at([0.0, 1.0])
    with pytest.raises(ValueError, match="'indices' must be from 0 to"):
        task.images_at([-1])
    with pytest.raises(ValueError, match="'indices' must be a mask of"):
        task.images_at([True, False])


def test_splits_by_masks():
    masks = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=bool)
    assert Split("mine", *masks) == Split("mine", [0, 2], [1], [3])
    assert Split("mine", *torch.from_numpy(masks)) == Split("mine", [0, 2], [1], [3])
    with pytest.raises(ValueError, match="must be masks of the same length, got \\[4, 4, 3\\]"):
        Split("mine", masks[0], masks[1], masks[2, :3])
    with pytest.raises(TypeError, match="'val' must contain integers, got bool"):
        Split("mine", [0, 2], masks[1], [3])


def test_clusters_are_not_truncated():
    for given in ([0.0, 0.5, 1.0], torch.tensor([True, False])):
        with pytest.raises(TypeError, match="'cluster' must be integers"):
            gv.GraphPool(2, cluster=given)


def test_sites_of_explanations():
    model, graph = gv.GCNConv(4, 3), undirected()
    x = torch.randn(5, 4)
    plain = gv.explain.attribute(model, x, graph, "gradient", site=3)
    same = gv.explain.attribute(model, x, graph, "gradient", site=np.int64(3))
    assert torch.equal(plain.values, same.values)
    for site in (True, 3.0):
        with pytest.raises(TypeError, match="'site' must be an integer"):
            gv.explain.attribute(model, x, graph, "gradient", site=site)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.array([1, 0, 1, 0, 0], dtype=np.uint8), "uint8"),  # a mask as other programs write it
        (np.ma.masked_array([0, 2], [False, True]), "no masked values, got 1"),
        (torch.tensor([0, 2]).to_sparse(), "dense"),
        (torch.zeros(2, dtype=torch.int64, device="meta"), "without data"),
        ([[0], [2, 3]], "flat list of indices"),
        (slice(0, 2), "got slice. Give a list"),
        ({0, 2}, "got set. Give a list"),
    ],
)
def test_what_would_be_read_as_something_else(given, words):
    with pytest.raises((TypeError, ValueError), match=f"'nodes' must .*{words}"):
        undirected().subgraph(given)


def test_masked_arrays_without_masked_values():
    plain = np.ma.masked_array([0, 2], [False, False])
    assert undirected().subgraph(plain).num_nodes == 2
