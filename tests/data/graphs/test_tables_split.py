"""The split of a table of nodes: a column with its words is found, also under another name."""

import pytest

import gnnvision as gv

NODES = {
    "id": ["a", "b", "c", "d"],
    "topic": ["red", "blue", "red", ""],
    "part": ["train", "Train", "test", ""],
    "size": [1, 2, 3, 4],
}
EDGES = {"source": ["a", "b"], "target": ["b", "c"]}


def test_a_column_with_the_words_of_a_split_is_the_split_and_no_feature():
    task = gv.data.from_tables(NODES, EDGES, label="topic")
    assert (task.split.train.tolist(), task.split.test.tolist()) == ([0, 1], [2])
    assert task.encoder.column_names == ("size",)
    assert "'part'" in task.overview()["split columns"]
    assert "'part'" not in task.overview()["features"]


@pytest.mark.parametrize("words", [["train", "bus", "test", ""], ["val", "test"] * 2])
def test_other_words_are_features(words):
    nodes = NODES | {"part": words}
    split = {"train": ["a", "b"], "test": ["c"]}
    task = gv.data.from_tables(nodes, EDGES, label="topic", split=split)
    assert "'part'" in task.overview()["features"]  # described as a feature, here a constant one
