from collections import Counter

import numpy as np
import pytest
import torch

from gnnvision.data import Card, GraphTask, Split
from gnnvision.domains import Graph

CHANNELS = 3
SIZES = (2, 5, 0, 1, 4, 3, 0, 6, 2, 1, 3, 4, 2, 5, 3)  # graphs without nodes in the middle, too


@pytest.fixture(autouse=True)
def _double(double):
    """Every test here computes in float64."""


def ring(size, generator):
    """A ring with attributes of its own; an edge in both directions, as in a molecule."""
    pairs = [(i, (i + 1) % size) for i in range(size)] if size > 2 else [(0, 1)][: size - 1]
    ends = [end for i, j in pairs for end in ((i, j), (j, i))] if size else []
    edge_index = torch.tensor(ends, dtype=torch.int64).reshape(-1, 2).t()
    edges = edge_index.shape[1]
    return Graph(
        edge_index,
        size,
        edge_attr=torch.randn(edges, 2, generator=generator),
        graph_attr=torch.randn(1, 4, generator=generator),
    )


GENERATOR = torch.Generator().manual_seed(5)
MEMBERS = [ring(size, GENERATOR) for size in SIZES]
FEATURES = [torch.randn(size, CHANNELS, generator=GENERATOR).double() for size in SIZES]
TARGETS = torch.randn(len(SIZES), 2, generator=GENERATOR).double()
TRAIN, VAL, TEST = [14, 0, 1, 3, 4, 5, 7, 8, 9], [10, 11], [12, 13]


def task(**changes):
    values = {
        "name": "made",
        "requested": "made",
        "kind": "regression",
        "in_channels": CHANNELS,
        "num_outputs": 2,
        "class_names": ("a", "b"),
        "split": Split("mine", TRAIN, VAL, TEST),
        "card": Card("made", "Made", "molecule", "By a test.", "A test.", "None.", "None."),
        "data_hash": "",
        "graphs": Graph.batch(MEMBERS),
        "x": torch.cat(FEATURES),
        "y": TARGETS,
    }
    return GraphTask(**(values | changes))


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def which(y):
    """The numbers of the graphs in a batch, by their targets."""
    return [int((TARGETS == row).all(1).nonzero()) for row in y]


def same_graph(found, expected):
    for name in ("edge_index", "edge_attr", "offsets", "graph_attr"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    assert (found.num_nodes, found.num_graphs) == (expected.num_nodes, expected.num_graphs)


# --- batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_graph_once_and_with_what_is_its_own(size, part, shuffle):
    made = task()
    seen = []
    for x, graph, y in made.batches(part, size, generator() if shuffle else None):
        members = which(y)
        same_graph(graph, Graph.batch([MEMBERS[m] for m in members]))
        assert torch.equal(x, torch.cat([FEATURES[m] for m in members]))
        seen += members
    assert sorted(seen) == sorted(getattr(made.split, part).tolist())
    shuffled = shuffle and part == "train"
    assert (seen != sorted(seen)) == shuffled


@pytest.mark.parametrize("block", [1, 4, 4096])
def test_matrices_of_a_batch_are_those_computed_from_it(block, monkeypatch):
    monkeypatch.setattr("gnnvision.data.graphs.graph_task.BLOCK", block)
    batches = list(task().batches("train", 3, generator())) + list(task().batches("val", 1))
    assert sum(len(y) for _, _, y in batches) == len(TRAIN) + len(VAL)
    for _, graph, _ in batches:
        fresh = Graph(graph.edge_index, graph.num_nodes, offsets=graph.offsets)
        for matrix in (Graph.adjacency, Graph.normalized_adjacency, Graph.laplacian):
            torch.testing.assert_close(matrix(graph).to_dense(), matrix(fresh).to_dense())
        line, expected = graph.line_graph, fresh.line_graph
        assert line.offsets.tolist() == expected.offsets.tolist()
        torch.testing.assert_close(line.to_dense(), expected.to_dense())


def sizes(size, seed=1, part="train", block=4096, **changes):
    return [len(y) for _, _, y in task(**changes).batches(part, size, generator(seed))]


def test_sizes_and_a_last_single_graph_joins():
    assert sizes(3) == [3, 3, 3]
    assert sizes(4) == [4, 5]  # nine graphs: the last one alone would be a batch
    assert sizes(8) == [9]
    assert sizes(7) == [7, 2]
    assert sizes(1) == [1] * 7 + [2]
    assert sizes(1, part="val") == [1, 1]
    assert sizes(64) == [9]


@pytest.mark.parametrize("block", [1, 3, 8, 9])
def test_blocks_change_nothing(block, monkeypatch):
    expected = [y for _, _, y in task().batches("train", 2, generator())]
    monkeypatch.setattr("gnnvision.data.graphs.graph_task.BLOCK", block)
    found = [y for _, _, y in task().batches("train", 2, generator())]
    assert [len(y) for y in found] == [2, 2, 2, 3]
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_the_same_generator_gives_the_same_epoch():
    def order(seed):
        return [m for _, _, y in task().batches("train", 2, generator(seed)) for m in which(y)]

    assert order(1) == order(1) != order(2)
    one = generator()
    epochs = [[m for _, _, y in task().batches("train", 4, one) for m in which(y)] for _ in "ab"]
    assert epochs[0] != epochs[1]
    assert Counter(epochs[0]) == Counter(epochs[1])


def test_a_part_without_graphs_has_no_batches():
    made = task(split=Split("mine", [0, 1], [], [2]))
    assert list(made.batches("val")) == []
    assert [graph.num_nodes for _, graph, _ in made.batches("test")] == [0]


def test_what_batches_refuses():
    with pytest.raises(ValueError, match="'split' must be one of 'train', 'val', 'test', got 'x'"):
        next(task().batches("x"))
    with pytest.raises(ValueError, match="'batch_size' must be at least 1, got 0"):
        next(task().batches("train", 0))


# --- what else it knows -----------------------------------------------------------------------


def test_moments_are_those_of_the_training_part_where_it_has_values():
    y = TARGETS.clone()
    y[0, 0] = y[14, 1] = y[3, 1] = torch.nan
    y[VAL + TEST] = 1e6
    mean, spread = task(y=y).target_statistics
    known = y[sorted(TRAIN)].numpy()
    np.testing.assert_allclose(mean, np.nanmean(known, 0))
    np.testing.assert_allclose(spread, np.nanstd(known, 0))


def test_moments_of_a_target_that_never_changes_or_is_never_known():
    y = TARGETS.clone()
    y[:, 0], y[TRAIN, 1] = 3.0, torch.nan
    mean, spread = task(y=y).target_statistics
    assert (mean.tolist(), spread.tolist()) == ([3, 0], [1, 1])
    labels = torch.arange(len(SIZES)) % 2
    assert task(kind="classification", y=labels).target_statistics is None
    assert task(kind="multilabel", y=(TARGETS > 0).double()).target_statistics is None


def test_another_seed_is_another_split():
    def splitter(seed):
        return Split("random", [seed], [seed + 1], [seed + 2])

    made = task(split=splitter(0), splitter=splitter)
    assert made.with_seed(0) is made
    other = made.with_seed(4)
    assert (other.seed, other.split) == (4, splitter(4))
    assert [which(y) for _, _, y in other.batches("test")] == [[6]]
    assert [which(y) for _, _, y in made.batches("test")] == [[2]]
    assert task().with_seed(4).split == task().split


def test_where_it_is():
    made = task()
    assert made.to("cpu") is made
    assert made.to("meta").x.device.type == "meta"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"x": torch.zeros(3, CHANNELS)}, r"'x' must have shape \(N=41, in_channels=3\), got"),
        ({"y": TARGETS[:, :1]}, r"'y' must be floating point of shape \(15, 2\), got"),
        (
            {"y": torch.zeros(15, 2, dtype=torch.int64)},
            "'y' must be floating point .* got torch.i",
        ),
        ({"kind": "classification"}, r"'y' must be int64 of shape \(15,\), got torch.float64"),
        (
            {"split": Split("mine", [15], [], [])},
            "'train' must contain only indices below 15, got 15",
        ),
    ],
)
def test_sizes_that_do_not_agree(changes, fault):
    with pytest.raises(ValueError, match=fault):
        task(**changes)


# --- graphs of one's own ------------------------------------------------------------------------


def path(size):
    return Graph.from_edges([(i, i + 1) for i in range(size - 1)], size, undirected=True)


def test_from_graphs():
    graphs = [path(size) for size in (2, 3, 4, 2, 3)]
    names = ["a", "b", "c", "d", "e"]
    made = GraphTask.from_graphs(graphs, [0, 1, 1, 0, 1], names=names, seed=2)
    assert (made.kind, made.num_outputs, made.item_names) == ("classification", 2, tuple(names))
    assert made.graphs.edge_index.equal(Graph.batch(graphs).edge_index)
    assert made.x.tolist() == [[1]] * 14
    assert made.overview()["features"] == "none, so every node has the single feature 1"
    assert made.with_seed(2) is made
    assert sum(made.split.sizes.values()) == 5
    x = [torch.full((graph.num_nodes, 2), n) for n, graph in enumerate(graphs)]
    own = Split("mine", [0, 1, 2], [3], [4])
    values = GraphTask.from_graphs(Graph.batch(graphs), torch.rand(5), x, split=own)
    assert (values.kind, values.split, values.splitter) == ("regression", own, None)
    assert values.x.dtype == torch.get_default_dtype()
    assert values.x.equal(GraphTask.from_graphs(graphs, [0] * 5, torch.cat(x)).x)


@pytest.mark.parametrize(
    ("graphs", "options", "error", "fault"),
    [
        ([path(2), "CCO"], {}, TypeError, r"'graphs\[1\]' must be a gnnvision.Graph, got str"),
        ([path(2)], {}, ValueError, "'y' must have one row for each of the 1 graphs"),
        ([path(2)] * 2, {"names": ["a"]}, ValueError, "'names' must have one name for each"),
        ([path(2)] * 2, {"x": [torch.ones(2, 1)]}, ValueError, "one tensor for each of the 2"),
        (
            [path(2)] * 2,
            {"x": [torch.ones(2, 1), torch.ones(3, 1)]},
            ValueError,
            r"'x\[1\]' must have shape \(N=2, C\), got \(3, 1\)",
        ),
        (
            [path(2)] * 2,
            {"x": [torch.ones(2, 1), torch.ones(2, 3)]},
            ValueError,
            "as many features in every graph",
        ),
    ],
)
def test_graphs_that_do_not_agree_are_refused(graphs, options, error, fault):
    with pytest.raises(error, match=fault):
        GraphTask.from_graphs(graphs, [0, 1], **options)
