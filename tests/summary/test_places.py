import pytest

from gnnvision.summary.places import Run, regrouped, together

ROWS, COLUMNS = frozenset({0}), frozenset({1})
PICTURE = ((Run(2),), (Run(6),), (Run(8, ROWS),), (Run(4, COLUMNS),))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ((2, 6, 32), [(Run(2),), (Run(6),), (Run(8, ROWS), Run(4, COLUMNS))]),
        ((2, 192), [(Run(2),), (Run(6), Run(8, ROWS), Run(4, COLUMNS))]),
        ((2, 3, 2, 8, 4), [(Run(2),), (Run(3),), (Run(2),), (Run(8, ROWS),), (Run(4, COLUMNS),)]),
        (
            (2, 6, 4, 2, 4),  # windows of two rows
            [(Run(2),), (Run(6),), (Run(4, ROWS, 2),), (Run(2, ROWS),), (Run(4, COLUMNS),)],
        ),
        ((12, 8, 4), [(Run(12),), (Run(8, ROWS),), (Run(4, COLUMNS),)]),
    ],
)
def test_a_view_and_the_way_back(new, expected):
    viewed = regrouped(PICTURE, new)
    assert viewed == expected
    assert regrouped(viewed, (2, 6, 8, 4)) == list(PICTURE)


def test_a_view_that_cuts_across_sites():
    assert regrouped([(Run(6, ROWS),), (Run(4, COLUMNS),)], (8, 3)) is None


def test_ones_come_and_go():
    site = (Run(1, ROWS),)
    assert regrouped([(Run(1),), (Run(5),), site], (1, 5)) == [(Run(1),), (Run(5), Run(1, ROWS))]
    assert regrouped([(Run(5),)], (1, 5, 1)) == [(Run(1),), (Run(5),), (Run(1),)]


def test_places_of_several_tensors():
    assert together([(Run(8, ROWS),), (Run(8),)], 8) == (Run(8, ROWS),)
    assert together([(Run(8, ROWS),), (Run(8, COLUMNS),)], 8) == (Run(8, ROWS | COLUMNS),)
    assert together([(Run(8),)], 8) == (Run(8),)
