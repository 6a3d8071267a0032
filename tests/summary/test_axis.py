import numpy as np
import pytest

from gnnvision.summary.axis import Axis, chain, hull

EIGHT = Axis.of_input(8)
PAIRS = np.arange(4)[:, None] * 2 + np.arange(2)


def seen(axis, site):
    return np.flatnonzero(axis.mask(site)).tolist()


def test_windows_over_windows():
    coarse = EIGHT.reading(PAIRS, 2)
    assert (coarse.size, coarse.jump, coarse.first) == (2, 2, 0)
    assert seen(coarse.reading(np.array([[1, 2]])), 0) == [2, 3, 4, 5]


def test_a_margin_goes_on_as_the_sites_beside_it():
    wide = EIGHT.reading(np.arange(8)[:, None] - 1 + np.arange(3))
    assert (wide.size, wide.first) == (3, -1)
    assert seen(wide, 0) == [0, 1]
    assert seen(wide, 7) == [6, 7]


def test_what_reads_nothing_sees_nothing():
    nothing = EIGHT.reading(PAIRS, 2, PAIRS > 1)
    assert seen(nothing, 0) == []
    assert nothing.size == 2


def test_all_of_a_window():
    assert [seen(EIGHT.windowed(4, 1), i) for i in (0, 3, 4)] == [[0, 1, 2, 3]] * 2 + [
        [4, 5, 6, 7]
    ]
    apart = EIGHT.windowed(2, 4)
    assert [seen(apart, i) for i in (0, 5)] == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert np.isnan(EIGHT.windowed(3, 1).size)


@pytest.mark.parametrize("shift", [0, 3, -3, 11])
def test_a_roll_and_the_way_back(shift):
    rolled = EIGHT.rolled(shift)
    assert [seen(rolled, i) for i in range(8)] == [[(i - shift) % 8] for i in range(8)]
    back = rolled.rolled(-shift)
    assert [seen(back, i) for i in range(8)] == [[i] for i in range(8)]
    assert back.size == 1


def test_rolls_of_two_lengths_are_both_turns():
    """After 8 sites and after 6: after every 2."""
    longer = EIGHT.rolled(1).reading(np.arange(6)[:, None]).rolled(1)
    assert longer.period == 2
    assert 0 in seen(longer, 2)


def test_hulls():
    moved = EIGHT.reading(np.arange(8)[:, None] - 3)
    assert seen(hull([EIGHT, moved]), 4) == [1, 2, 3, 4]
    assert hull([EIGHT, EIGHT.everything()]).size == np.inf
    assert np.isnan(hull([EIGHT, EIGHT.unknown()]).size)
    assert np.isnan(hull([EIGHT, EIGHT.reading(PAIRS)]).size)  # another number of sites
    assert hull([EIGHT.unknown(), EIGHT.everything()]).size == np.inf


def test_one_after_another():
    row = chain([(None, 2), (EIGHT, 8), (EIGHT.everything(), 1)])
    assert [seen(row, i) for i in (0, 1, 2, 9)] == [[], [], [0], [7]]
    assert seen(row, 10) == list(range(8))
    assert row.size == np.inf
