"""What is written into a part of a memory is seen through every other part of it."""

import torch

import gnnvision as gv

from .test_field import Apply


def masks(function):
    reach = gv.summary(Apply(function), gv.Grid((1, 8)), 3).network.reach
    return [reach.mask((0, 0, 0, i))[0].nonzero()[0].tolist() for i in range(8)]


def test_into_an_empty_one():
    def halves(x):
        y = torch.empty_like(x)
        y[..., :4], y[..., 4:] = x[..., 4:], x[..., :4]
        return y

    assert masks(halves) == [[(i + 4) % 8] for i in range(8)]


def test_into_one_that_holds_something():
    def replaced(x):
        y = x * 1
        y[..., 2:4] = x[..., 5:7]
        return y

    assert masks(replaced) == [[i] for i in (0, 1, 5, 6, 4, 5, 6, 7)]


def test_from_a_part_to_another():
    def copied(x):
        y = x.clone()
        y[..., :2] = y[..., -2:]
        return y

    assert masks(copied) == [[i] for i in (6, 7, 2, 3, 4, 5, 6, 7)]


def test_through_a_view_made_before():
    def late(x):
        y = x * 1
        view = y[..., 1:]
        y.copy_(x.flip(3))
        return torch.cat([y[..., :1], view], 3)

    assert masks(late) == [[7 - i] for i in range(8)]


def test_through_a_view_of_another_shape():
    def late(x):
        y = x * 1
        view = y.view(1, 3, 8)
        y.copy_(x.flip(3))
        return view.view(1, 3, 1, 8)

    assert masks(late) == [[7 - i] for i in range(8)]
