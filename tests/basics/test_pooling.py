import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.basics import global_pool, load_photo, pool, pool_size, shift_sensitivity

# The two inputs of lecture 002.
BLOCK_EXAMPLE = ((1, 5, 8, 7), (1, 3, 4, 2), (3, 2, 1, 4), (5, 7, 6, 2))
OVERLAP_EXAMPLE = ((4, 3, 8), (5, 5, 7), (6, 7, 5))


def test_the_tables_of_the_notes():
    block = torch.tensor(BLOCK_EXAMPLE)
    assert pool(block).tolist() == [[5, 8], [7, 6]]
    assert pool(block, reduce="average").tolist() == [[2.5, 5.25], [4.25, 3.25]]
    assert global_pool(block, "max") == 8
    assert global_pool(block, "min") == 1
    assert global_pool(block, "average") == block.double().mean()
    overlap = torch.tensor(OVERLAP_EXAMPLE)
    assert pool(overlap, 2, stride=1).tolist() == [[5, 8], [7, 7]]


def test_no_table_is_pooled_to_the_one_that_the_notes_show():
    """Lecture 002 shows 4 3 8 / 5 5 7 / 6 7 5 as the output of a 4x4 input, which is impossible.

    No input may exceed any window that it lies in: the largest such table is pooled, and falls
    short. So no other reaches it either.
    """
    table = torch.tensor(OVERLAP_EXAMPLE)
    bounds = F.pad(table, (1, 1, 1, 1), value=99)
    largest = -F.max_pool2d(-bounds[None, None].float(), 2, stride=1)[0, 0]  # the least bound
    assert largest.shape == (4, 4)
    best = pool(largest, 2, stride=1)
    assert (best <= table).all()
    assert not torch.equal(best, table.float())


@given(st.integers(1, 4), st.integers(1, 3), st.sampled_from(["max", "average", "min"]))
def test_it_is_torchs_pooling(size, stride, how):
    x = torch.randn(2, 3, 8, 9)
    expected = {
        "max": lambda: F.max_pool2d(x, size, stride),
        "average": lambda: F.avg_pool2d(x, size, stride),
        "min": lambda: -F.max_pool2d(-x, size, stride),
    }[how]()
    found = pool(x, size, stride, how)
    torch.testing.assert_close(found, expected)
    assert found.shape[-2:] == tuple(int(pool_size(n, size, stride)) for n in (8, 9))


def test_channels_stay_and_100_becomes_50():
    assert pool(torch.rand(3, 100, 100)).shape == (3, 50, 50)
    assert global_pool(torch.rand(3, 100, 100)).shape == (3,)


def test_global_pooling_does_not_see_a_turn_around_the_torus():
    x = torch.randn(2, 6, 7)
    torch.testing.assert_close(global_pool(x.roll((2, 3), (1, 2))), global_pool(x))


def test_small_shifts_change_little():
    """Measured on the photograph of the page: the larger the window, the steadier."""
    measured = shift_sensitivity(load_photo().gray)
    assert measured.shifts == (0, 1, 2, 3, 4)
    change = measured.change
    assert all(values[0] == 0 for values in change.values())
    ordered = ["no pooling", "max 2×2", "max 4×4", "max 8×8", "global average"]
    for steadier, less in zip(ordered[1:], ordered, strict=False):
        for d in measured.shifts[1:]:
            assert change[steadier][d] < change[less][d]
    assert change["no pooling"][1] == pytest.approx(0.79, abs=0.02)
    assert change["max 4×4"][1] == pytest.approx(0.29, abs=0.02)


def test_a_constant_image_does_not_change():
    measured = shift_sensitivity(torch.full((40, 50), 0.5), side=16)
    assert all(value == 0 for values in measured.change.values() for value in values)


def test_refusals():
    with pytest.raises(
        ValueError, match="'reduce' must be one of 'max', 'average', 'min', got 'sum'"
    ):
        pool(torch.ones(4, 4), reduce="sum")
    with pytest.raises(ValueError, match="'kernel_size' must fit"):
        pool(torch.ones(2, 2), 3)
    with pytest.raises(ValueError, match="'image' must be at least 66 pixels high and 70 wide"):
        shift_sensitivity(torch.ones(60, 90))
