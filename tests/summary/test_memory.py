"""What is written into a part of a memory is seen through every other part of it."""

from math import isnan

import torch

import gnnvision as gv

from .test_field import Apply


def masks(function):
    sight = gv.summary(Apply(function), gv.Grid((1, 8)), 3).network.reach.sight
    return [sight.mask((0, 0, 0, i))[0].nonzero()[0].tolist() for i in range(8)]


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

    found = masks(replaced)
    assert found[:2] + found[4:] == [[i] for i in (0, 1, 4, 5, 6, 7)]
    assert found[2:4] == [[2, 3, 4, 5], [3, 4, 5, 6]]  # between what was there and what is


def test_from_a_part_to_another():
    def copied(x):
        y = x.clone()
        y[..., :2] = y[..., -2:]
        return y

    assert all({i, (6, 7)[i] if i < 2 else i} <= set(seen) for i, seen in enumerate(masks(copied)))


def test_through_a_view_made_before():
    def late(x):
        y = x * 1
        view = y[..., 1:]
        y.copy_(x.flip(3))
        return torch.cat([y[..., :1], view], 3)

    assert all({7 - i} <= set(seen) for i, seen in enumerate(masks(late)))


def test_through_a_view_of_another_shape_it_is_not_known():
    def late(x):
        y = x * 1
        view = y.view(1, 3, 8)
        y.copy_(x.flip(3))
        return view.view(1, 3, 1, 8)

    reach = gv.summary(Apply(late), gv.Grid((1, 8)), 3).network.reach
    assert isnan(reach.size[1])
