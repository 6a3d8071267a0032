import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.data.molecules.splits import column_split, scaffold_split
from gnnvision.data.split import shuffled

ROWS = np.arange(3, 53) * 2  # rows are numbers in a table, of which some take no part


def everything(split):
    return sorted([*split.train, *split.val, *split.test])


def scaffolds(*sizes):
    """So many molecules of each scaffold, mixed."""
    names = np.repeat([f"ring {n}" for n in range(len(sizes))], sizes)
    return names[shuffled(len(names), 1)].tolist()


def test_the_split_by_scaffold_is_the_same_everywhere():
    assert scaffold_split(ROWS, scaffolds(20, 10, 10, 5, 3, 1, 1)).hash[:16] == "1053c0310e130bd6"


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
