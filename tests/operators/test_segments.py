import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from gnnvision.operators import segment_reduce, segment_softmax
from gnnvision.operators.pattern import Pattern

BY_HAND = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0) if len(rows) else rows.sum(0),
    "max": lambda rows: rows.amax(0) if len(rows) else rows.sum(0),
}


@pytest.mark.parametrize("reduce", BY_HAND)
@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=6), channels=st.integers(0, 3))
def test_equals_a_loop(reduce, sizes, channels):
    offsets = torch.tensor([0, *sizes]).cumsum(0)
    x = torch.randn(sum(sizes), channels)
    expected = torch.stack([BY_HAND[reduce](rows) for rows in x.split(sizes)])
    torch.testing.assert_close(segment_reduce(x, offsets, reduce), expected)


@pytest.mark.parametrize("reduce", BY_HAND)
def test_gradcheck(reduce):
    x = torch.randn(5, 2, requires_grad=True)
    offsets = torch.tensor([0, 0, 2, 2, 5, 5])
    assert gradcheck(lambda x: segment_reduce(x, offsets, reduce), (x,))


def test_a_maximum_below_zero_and_one_of_infinity():
    x = torch.tensor([[-3.0], [-2], [-torch.inf]])
    assert segment_reduce(x, torch.tensor([0, 2, 2, 3]), "max").tolist() == [
        [-2],
        [0],
        [-torch.inf],
    ]


def test_an_unknown_name_is_refused():
    with pytest.raises(
        ValueError, match="'reduce' must be one of 'mean', 'sum', 'max', got 'median'"
    ):
        segment_reduce(torch.ones(1, 1), torch.tensor([0, 1]), "median")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_softmax_equals_a_loop(sizes):
    rowptr = torch.tensor([0, *sizes]).cumsum(0)
    pattern = Pattern(rowptr, torch.zeros(sum(sizes), dtype=torch.int64), 1)
    score = 100 * torch.randn(sum(sizes), 2)
    expected = torch.cat([rows.softmax(0) for rows in score.split(sizes)])
    torch.testing.assert_close(segment_softmax(score, pattern), expected)


def test_softmax_gradcheck():
    pattern = Pattern(torch.tensor([0, 3, 3, 4]), torch.tensor([0, 1, 2, 0]), 3)
    score = torch.randn(4, 2, requires_grad=True)
    assert gradcheck(lambda s: segment_softmax(s, pattern), (score,))
