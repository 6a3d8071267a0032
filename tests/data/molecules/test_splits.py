import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.data.molecules.splits import (
    column_split,
    scaffold_balanced_split,
    scaffold_split,
)
from gnnvision.data.split import permutation

ROWS = np.arange(3, 53) * 2  # rows are numbers in a table, of which some take no part


def everything(split):
    return sorted([*split.train, *split.val, *split.test])


def scaffolds(*sizes):
    """So many molecules of each scaffold, mixed."""
    names = np.repeat([f"ring {n}" for n in range(len(sizes))], sizes)
    return names[permutation(len(names), 1)].tolist()


def test_the_split_by_scaffold_is_the_same_everywhere():
    assert scaffold_split(ROWS, scaffolds(20, 10, 10, 5, 3, 1, 1)).hash[:16] == "1053c0310e130bd6"


def parts(split):
    return [getattr(split, part).tolist() for part in split.sizes]


def test_scaffolds_of_equal_size_are_taken_in_molecule_nets_order():
    # Sizes 4 (a), 2 (b from row 1, c from row 3), 1 (d, e, f, g). Sorted by (size, first row),
    # both descending: a, c, b, then g, f, e, d. Limits 12 * 0.8 = 9.6 and 12 * 0.9 = 10.8.
    names = list("abacabacdefg")
    assert parts(scaffold_split(np.arange(12), names)) == [
        [0, 1, 2, 3, 4, 5, 6, 7, 11],
        [10],
        [8, 9],
    ]


def test_the_limits_of_the_scaffold_split_are_not_rounded():
    # 0.8 * 18 = 14.4 and 0.9 * 18 = 16.2: rounded, validation would have one more.
    assert scaffold_split(np.arange(18), [f"ring {n}" for n in range(18)]).sizes == {
        "train": 14,
        "val": 2,
        "test": 2,
    }
    names = ["a"] * 14 + ["b"] * 2 + ["c", "d"]
    assert parts(scaffold_split(np.arange(18), names)) == [[*range(14)], [14, 15], [16, 17]]
    # A group that does not fit goes on to the next split; smaller ones still fill the former.
    names = ["a"] * 23 + ["b"] * 5 + ["c", "d"]
    assert parts(scaffold_split(np.arange(30), names)) == [
        [*range(23), 29],
        [28],
        [*range(23, 28)],
    ]


@pytest.mark.parametrize(
    ("seed", "val", "test"),
    [
        (0, [22, 27, 29], [20, 23, 24]),
        (1, [22, 26, 27], [17, 20, 23]),
        (2, [20, 25, 26], [18, 21, 27]),
    ],
)
def test_the_balanced_split_is_chemprops(seed, val, test):
    names = list("aaaaaaaabbbbccddefghijklmnopqr")  # half of validation is 1.5: a to d come first
    split = scaffold_balanced_split(np.arange(30), names, seed)
    assert (split.name, parts(split)[1:]) == ("scaffold_balanced", [val, test])  # of Chemprop 1
    assert everything(split) == list(range(30))


def test_the_balanced_split_checks_its_seed():
    with pytest.raises(ValueError, match="'seed' must be at least 0, got -1"):
        scaffold_balanced_split(np.arange(10), list("abcdefghij"), -1)


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
    assert split.sizes["train"] <= 0.8 * len(names)


def test_too_many_of_one_scaffold():
    names = list("baaaaaaaaa")
    fault = (
        "'scaffolds' must be diverse enough to fill three splits, got 2 scaffolds of 10 molecules"
    )
    rest = "9 of them with 'a', which gives 1 training, 9 validation and 0 test molecules. Use"
    with pytest.raises(ValueError, match=f"{fault}, {rest}"):
        scaffold_split(np.arange(10), names)
    with pytest.raises(ValueError, match="1 training, 0 validation and 9 test molecules"):
        scaffold_balanced_split(np.arange(10), names, 0)


# --- columns ----------------------------------------------------------------------------------


def test_a_column_says_it_in_any_words():
    cells = ["train", " Training", "VALID", "val", "dev", "test", "Testing", "", "validation"]
    split = column_split(np.array([0, 1, 2, 4, 5, 6, 7, 8]), cells, "part")
    assert [getattr(split, part).tolist() for part in split.sizes] == [[0, 1], [2, 4, 8], [5, 6]]


def test_a_column_that_says_something_else():
    fault = "'split_column' must have train, val or test in every cell, got 'x' in row 2 of 'part'"
    with pytest.raises(ValueError, match=fault):
        column_split(np.arange(3), ["train", "test", "x"], "part")
    assert column_split(np.arange(2), ["train", "test", "x"], "part").sizes["train"] == 1
    with pytest.raises(ValueError, match="must mark training rows, got none in 'part'"):
        column_split(np.arange(2), ["", "test"], "part")
