import pytest
import torch

from gnnvision import Grid
from gnnvision.domains import Window
from gnnvision.operators import Shift, shifts

from ..algebra import assert_operator_laws

CASES = {
    "valid": ((4, 5), {"kernel_size": 3}),
    "stride and padding": ((4, 5), {"kernel_size": (2, 3), "stride": 2, "padding": 1}),
    "reflected": ((4, 5), {"kernel_size": 3, "padding": "same", "padding_mode": "reflect"}),
    "replicated": ((4,), {"kernel_size": 4, "padding": "full", "padding_mode": "replicate"}),
    "volume": ((2, 3, 2), {"kernel_size": 2, "padding": "same", "dilation": 2}),
}


@pytest.mark.parametrize(("size", "options"), CASES.values(), ids=CASES)
def test_laws(size, options):
    for S in shifts(Grid(size), Window.make(len(size), **options)):
        assert_operator_laws(S)


def test_on_a_torus_shifts_are_translations_and_permutations():
    grid, window = Grid((3, 4)), Window.make(2, 3, 1, "same", 1, "circular")
    x = torch.randn(12, 2)
    steps = [(a, b) for a in (1, 0, -1) for b in (1, 0, -1)]
    for S, step in zip(shifts(grid, window), steps, strict=True):
        expected = x.view(3, 4, 2).roll(step, (0, 1)).reshape(12, 2)
        torch.testing.assert_close(S @ x, expected)
        torch.testing.assert_close(S.T @ (S @ x), x)


def test_derived_once_for_a_grid():
    grid, window = Grid((3, 4)), Window.make(2, 3)
    assert shifts(grid, window) is shifts(grid, window)
    assert shifts(grid, Window.make(2, 2)) is not shifts(grid, window)


def test_nothing_comes_from_outside():
    x = torch.full((3, 1), torch.nan)
    x[1] = 5
    assert (Shift(torch.tensor([-1, 1]), 3) @ x).flatten().tolist() == [0, 5]
