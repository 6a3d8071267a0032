import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.data import Split, random_node_split, stratified_split
from gnnvision.data.split import fold_split, permutation, random_split

ROWS = np.arange(3, 53) * 2  # rows are numbers in a table, of which some take no part


def everything(split):
    return sorted([*split.train, *split.val, *split.test])


def test_indices_are_sorted_and_read_only():
    split = Split("mine", [3, 1], np.array([0]), ())
    assert split.train.tolist() == [1, 3]
    assert split.test.dtype == np.int64
    assert split.sizes == {"train": 2, "val": 1, "test": 0}
    with pytest.raises(ValueError, match="read-only"):
        split.train[0] = 5
    with pytest.raises(AttributeError):
        split.name = "other"


def test_the_hash_is_of_the_content():
    split = Split("a", [0, 1], [2], [3])
    assert split.hash == Split("b", [1, 0], [2], [3]).hash
    assert split == Split("b", [1, 0], [2], [3])
    assert len({split, Split("b", [1, 0], [2], [3])}) == 1
    assert split.hash != Split("a", [0], [1, 2], [3]).hash
    assert split.hash != Split("a", [0, 1], [3], [2]).hash
    assert len(split.hash) == 64
    # Written down: a report of an earlier version must stay comparable.
    assert split.hash.startswith("25bdf95c15f5f19c")


@pytest.mark.parametrize(
    ("parts", "error", "fault"),
    [
        (([0], [0], [1]), ValueError, r"'val' must share no index with 'train', got \[0\]"),
        (([0], [1], [1]), ValueError, "'test' must share no index with 'val'"),
        (([0], [1], [0]), ValueError, "'test' must share no index with 'train'"),
        (([0, 0], [1], [2]), ValueError, "'train' must contain each index once, got 0 twice"),
        (([0], [-1], [2]), ValueError, "'val' must contain only indices of at least 0, got -1"),
        (([0], [1], [[2]]), ValueError, r"'test' must have shape \(n,\), got \(1, 1\)"),
        (([True, False], [1], [2]), TypeError, "'train' must contain integers, got bool"),
        (([0.5], [1], [2]), TypeError, "'train' must contain integers, got float64"),
    ],
)
def test_bad_indices(parts, error, fault):
    with pytest.raises(error, match=fault):
        Split("bad", *parts)


def test_check_against_a_size():
    split = Split("mine", [0], [7], [1])
    split.check(8)
    with pytest.raises(ValueError, match="'val' must contain only indices below 7, got 7"):
        split.check(7)


def test_random_split_takes_as_many_of_each_class():
    y = np.array([0, 1, 2, 1, -100] * 20)
    split = random_node_split(y, 3, per_class=4, num_val=10, num_test=20)
    assert np.bincount(y[split.train]).tolist() == [4, 4, 4]
    assert split.sizes == {"train": 12, "val": 10, "test": 20}
    for part in (split.train, split.val, split.test):
        assert (y[part] >= 0).all()
    assert split.name == "random"


def test_random_split_depends_on_the_seed_only():
    y = np.arange(60) % 3
    sizes = {"per_class": 2, "num_val": 9, "num_test": 12}
    assert random_node_split(y, 0, **sizes) == random_node_split(torch.tensor(y), 0, **sizes)
    hashes = {random_node_split(y, seed, **sizes).hash for seed in range(10)}
    assert len(hashes) == 10
    assert random_node_split(y, 0, **sizes).hash.startswith("f73d286d1df5c70c")


def test_random_split_reaches_every_node():
    y = np.arange(12) % 2
    seen = [random_node_split(y, s, 1, 2, 2).train for s in range(100)]
    assert set(np.concatenate(seen)) == set(range(12))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"per_class": 6}, "'per_class' must be at most 5, the size of the smallest class, got 6"),
        (
            {"num_val": 9},
            r"'num_val' \+ 'num_test' must be at most 8, the number of labeled nodes .*9 \+ 2",
        ),
        ({"per_class": -1}, "'per_class' must be at least 0, got -1"),
        ({"seed": -1}, "'seed' must be at least 0, got -1"),
        ({"y": np.full(4, -100)}, "at most 0, the size of the smallest class, got 1"),
        ({"y": np.array([0, 2, 2, 0])}, "at most 0, the size of the smallest class, got 1"),
    ],
)
def test_a_graph_too_small_is_said(changes, fault):
    arguments = {"y": np.arange(10) % 2, "seed": 0, "per_class": 1, "num_val": 2, "num_test": 2}
    with pytest.raises(ValueError, match=fault):
        random_node_split(**(arguments | changes))


@pytest.mark.parametrize("sizes", [(50, 30, 20), (97, 2, 1), (33, 33, 34)])
def test_a_stratified_split_has_the_classes_in_proportion(sizes):
    y = np.repeat(np.arange(3), sizes)
    split = stratified_split(y, seed=1, num_val=10, num_test=20)
    assert split.sizes == {"train": 70, "val": 10, "test": 20}
    assert sorted([*split.train, *split.val, *split.test]) == list(range(100))
    for part, share in (("val", 0.1), ("test", 0.2), ("train", 0.7)):
        counts = np.bincount(y[getattr(split, part)], minlength=3)
        assert np.abs(counts - share * np.array(sizes)).max() < 1.5
    assert split == stratified_split(torch.from_numpy(y), 1, 10, 20)
    assert split != stratified_split(y, 2, 10, 20)


def test_a_stratified_split_is_the_same_everywhere():
    split = stratified_split([0, 1] * 6, seed=0, num_val=2, num_test=4)
    assert split.test.tolist() == [2, 3, 8, 11]
    assert split.val.tolist() == [1, 6]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((-1, 1, 1), "'seed' must be at least 0, got -1"),
        ((0, -1, 1), "'num_val' must be at least 0, got -1"),
        ((0, 5, 5), "must be below 10, the number of items, got 5 \\+ 5"),
    ],
)
def test_stratified_sizes_that_cannot_be(arguments, fault):
    with pytest.raises(ValueError, match=fault):
        stratified_split([0, 1] * 5, *arguments)


@given(st.integers(3, 400), st.integers(0, 5))
def test_random(count, seed):
    rows = np.arange(count) * 3
    split = random_split(rows, seed)
    assert everything(split) == rows.tolist()
    assert split == random_split(rows, seed)
    assert min(split.sizes.values()) >= 1
    if count >= 10:
        assert split.sizes["train"] == round(0.8 * count)
        assert abs(split.sizes["val"] - count / 10) <= 1


def test_the_draw_is_the_same_everywhere():
    assert permutation(8, 0).tolist() == [3, 2, 1, 6, 0, 7, 4, 5]
    assert random_split(ROWS, 0).hash[:16] == "54a88acdf51c2fe1"
    assert random_split(ROWS, 1).hash[:16] == "944c24fd5661c5a2"
    assert fold_split(ROWS, 0, 5).hash[:16] == "32b3e4eedf2b8d51"
    assert fold_split(ROWS, 0, 5, ROWS % 3).hash[:16] == "14a3c68d04a3f832"


def test_parts_of_other_sizes():
    split = random_split(ROWS, 0, (0.5, 0.3, 0.2))
    assert split.sizes == {"train": 25, "val": 15, "test": 10}
    assert random_split(ROWS, 0, (0.9, 0.0, 0.1)).sizes == {"train": 45, "val": 0, "test": 5}
    for fractions in [(0.5, 0.5), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2)]:
        with pytest.raises(
            ValueError, match="'fractions' must be three fractions that sum to 1, got"
        ):
            random_split(ROWS, 0, fractions)
    with pytest.raises(ValueError, match="'seed' must be at least 0, got -1"):
        random_split(ROWS, -1)


# --- folds ------------------------------------------------------------------------------------


@given(st.integers(3, 60), st.integers(3, 10))
def test_every_row_is_tested_once(count, folds):
    folds = min(folds, count)
    rows = np.arange(count) + 100
    splits = [fold_split(rows, fold, folds) for fold in range(folds)]
    assert sorted(row for split in splits for row in split.test) == rows.tolist()
    sizes = [split.sizes["test"] for split in splits]
    assert max(sizes) - min(sizes) <= 1
    for fold, split in enumerate(splits):
        assert everything(split) == rows.tolist()
        np.testing.assert_array_equal(split.val, splits[(fold + 1) % folds].test)
    assert fold_split(rows, folds, folds) == splits[0]  # round and round


def test_folds_have_the_classes_in_equal_parts():
    labels = np.repeat([0, 1, 2], [25, 20, 5])[permutation(50, 3)]
    for fold in range(5):
        split = fold_split(np.arange(50), fold, 5, labels)
        assert np.bincount(labels[split.test]).tolist() == [5, 4, 1]


def test_another_draw_has_other_folds():
    assert fold_split(ROWS, 0, 5, draw=1) != fold_split(ROWS, 0, 5)
    for folds in (2, 51):
        with pytest.raises(ValueError, match=f"'folds' must be from 3 to 50, .* got {folds}"):
            fold_split(ROWS, 0, folds)


def test_every_class_keeps_an_item_to_train_on():
    y = np.array([0] * 30 + [1, 2, 3])
    for seed in range(5):
        split = stratified_split(y, seed, 5, 5)
        assert split.sizes == {"train": 23, "val": 5, "test": 5}
        assert set(y[split.train]) == {0, 1, 2, 3}
    pairs = np.repeat(np.arange(10), 2)
    split = stratified_split(pairs, 0, 5, 5)
    assert sorted(pairs[split.train]) == list(range(10))


def test_too_few_items_for_that_are_split_all_the_same():
    assert stratified_split(np.arange(12), 0, 1, 1).sizes == {"train": 10, "val": 1, "test": 1}
