import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.data.molecules.splits import (
    column_split,
    fold_split,
    random_split,
    scaffold_split,
    shuffled,
)

ROWS = np.arange(3, 53) * 2  # rows are numbers in a table, of which some take no part


def everything(split):
    return sorted([*split.train, *split.val, *split.test])


def scaffolds(*sizes):
    """So many molecules of each scaffold, mixed."""
    names = np.repeat([f"ring {n}" for n in range(len(sizes))], sizes)
    return names[shuffled(len(names), 1)].tolist()


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
    assert shuffled(8, 0).tolist() == [3, 2, 1, 6, 0, 7, 4, 5]
    assert random_split(ROWS, 0).hash[:16] == "54a88acdf51c2fe1"
    assert random_split(ROWS, 1).hash[:16] == "944c24fd5661c5a2"
    assert fold_split(ROWS, 0, 5).hash[:16] == "32b3e4eedf2b8d51"
    assert fold_split(ROWS, 0, 5, ROWS % 3).hash[:16] == "14a3c68d04a3f832"
    assert scaffold_split(ROWS, scaffolds(20, 10, 10, 5, 3, 1, 1)).hash[:16] == "1053c0310e130bd6"


def test_parts_of_other_sizes():
    split = random_split(ROWS, 0, (0.5, 0.3, 0.2))
    assert split.sizes == {"train": 25, "val": 15, "test": 10}
    assert random_split(ROWS, 0, (0.9, 0.0, 0.1)).sizes == {"train": 45, "val": 0, "test": 5}
    for fractions in [(0.5, 0.5), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2)]:
        with pytest.raises(ValueError, match="'fractions' must be three parts of 1, got"):
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
    labels = np.repeat([0, 1, 2], [25, 20, 5])[shuffled(50, 3)]
    for fold in range(5):
        split = fold_split(np.arange(50), fold, 5, labels)
        assert np.bincount(labels[split.test]).tolist() == [5, 4, 1]


def test_another_draw_has_other_folds():
    assert fold_split(ROWS, 0, 5, draw=1) != fold_split(ROWS, 0, 5)
    for folds in (2, 51):
        with pytest.raises(ValueError, match=f"'folds' must be from 3 to .* 50, got {folds}"):
            fold_split(ROWS, 0, folds)


# --- scaffolds --------------------------------------------------------------------------------


def test_a_scaffold_is_never_cut_in_two_and_the_rarest_test():
    names = scaffolds(20, 10, 10, 5, 3, 1, 1)
    split = scaffold_split(ROWS, names)
    assert split.sizes == {"train": 40, "val": 5, "test": 5}
    of_row = dict(zip(ROWS.tolist(), names, strict=True))
    found = {part: {of_row[row] for row in getattr(split, part)} for part in split.sizes}
    assert found == {
        "train": {"ring 0", "ring 1", "ring 2"},
        "val": {"ring 3"},
        "test": {"ring 4", "ring 5", "ring 6"},
    }


@given(st.lists(st.sampled_from("abcdefghij"), max_size=60).map(lambda names: [*names, *"klmnop"]))
def test_whatever_the_scaffolds_each_is_in_one_part_alone(names):
    rows = np.arange(len(names)) + 7
    split = scaffold_split(rows, names)
    assert everything(split) == rows.tolist()
    groups = [{names[row - 7] for row in getattr(split, part)} for part in split.sizes]
    assert sum(map(len, groups)) == len(set(names))
    assert split.sizes["train"] <= round(0.8 * len(names))


def test_of_equal_groups_the_first_is_taken_first():
    split = scaffold_split(np.arange(10), list("abcdefghij"))
    assert [getattr(split, part).tolist() for part in split.sizes] == [[*range(8)], [8], [9]]


def test_too_many_of_one_scaffold():
    fault = "must differ enough to fill three parts, got 9 of 10 molecules with 'a'. Use split='ra"
    with pytest.raises(ValueError, match=f"'scaffolds' {fault}"):
        scaffold_split(np.arange(10), list("baaaaaaaaa"))


# --- columns ----------------------------------------------------------------------------------


def test_a_column_says_it_in_any_words():
    cells = ["train", " Training", "VALID", "val", "dev", "test", "Testing", "", "validation"]
    split = column_split(np.array([0, 1, 2, 4, 5, 6, 7, 8]), cells, "part")
    assert [getattr(split, part).tolist() for part in split.sizes] == [[0, 1], [2, 4, 8], [5, 6]]


def test_a_column_that_says_something_else():
    fault = "'split_column' must hold train, val or test in every cell, got 'x' in row 2 of 'part'"
    with pytest.raises(ValueError, match=fault):
        column_split(np.arange(3), ["train", "test", "x"], "part")
    assert column_split(np.arange(2), ["train", "test", "x"], "part").sizes["train"] == 1
    with pytest.raises(ValueError, match="must name training rows, got none in 'part'"):
        column_split(np.arange(2), ["", "test"], "part")
