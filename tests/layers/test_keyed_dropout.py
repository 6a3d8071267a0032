import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.layers.keyed_dropout import KeyedDropout, mixed


def keyed(function, x, first=0, key=3):
    """What a function of a signal gives whose rows have the numbers `first`, `first` + 1, ..."""
    with KeyedDropout(key, lambda count: torch.arange(first, first + count)):
        return function(x)


SHAPES = [(6, 5), (6, 3, 4), (6, 4, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("p", [0.25, 0.3])
@pytest.mark.parametrize("kind", [nn.Dropout, gv.Dropout])
def test_a_part_of_the_rows_has_the_masks_that_it_has_among_all(shape, p, kind):
    x, layer = torch.randn(shape), kind(p)
    whole = keyed(layer, x)
    parts = [keyed(layer, x[:2]), keyed(layer, x[2:], first=2)]
    assert torch.cat(parts).equal(whole)
    assert whole.equal(keyed(nn.Dropout(p), x))


@pytest.mark.parametrize("kind", [F.dropout1d, F.dropout2d, F.dropout3d])
def test_dropout_of_channels_keeps_or_drops_whole_ones(kind):
    spatial = {F.dropout1d: 1, F.dropout2d: 2, F.dropout3d: 3}[kind]
    x = torch.ones(40, 8, *[3] * spatial)
    whole = keyed(kind, x)
    flat = whole.flatten(2)
    assert set(whole.unique().tolist()) == {0.0, 2.0}
    assert flat.amin(2).equal(flat.amax(2))
    assert keyed(kind, x[30:], first=30).equal(whole[30:])


def test_masks_are_independent_of_row_place_call_and_key():
    x = torch.ones(400, 300)
    dropped = keyed(lambda x: [F.dropout(x, 0.3), F.dropout(x, 0.3)], x)
    dropped.append(keyed(lambda x: F.dropout(x, 0.3), x, key=4))
    first, *others = [(each > 0).double() - 0.7 for each in dropped]
    spread = 0.21 / 120_000**0.5  # of a mean of products of two independent masks
    assert abs(first.mean()) < 5 * (0.21 / 120_000) ** 0.5
    for other in [*others, first.roll(1, 0), first.roll(1, 1)]:
        assert abs((first * other).mean()) < 5 * spread
    for axis in (0, 1):
        ratio = first.mean(axis).var() / (0.21 / first.shape[axis])
        assert 0.7 < ratio < 1.3
    assert dropped[0].unique().tolist() == pytest.approx([0, 1 / 0.7], rel=1e-4)


def test_the_gradient_has_the_same_mask():
    x = torch.randn(5, 4, requires_grad=True)
    y = keyed(gv.Dropout(0.5), x)
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad.equal((y != 0) * 2.0)


def test_in_place_it_overwrites_its_input():
    x = torch.ones(50, 4)
    expected = keyed(nn.Dropout(0.5), x)
    y = keyed(nn.Dropout(0.5, inplace=True), x)
    assert y is x
    assert x.equal(expected)


def test_a_sparse_signal_has_a_mask_for_each_stored_element():
    dense = (torch.rand(30, 20, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    x = dense.to_sparse()
    whole = keyed(gv.Dropout(0.5), x)
    assert whole.layout is torch.sparse_coo
    assert set(whole.values().tolist()) == {0.0, 2.0}
    rows = keyed(gv.Dropout(0.5), dense[10:].to_sparse(), first=10)
    assert rows.to_dense().equal(whole.to_dense()[10:])


def test_rows_that_are_no_items_draw_random_numbers():
    missed = []
    for layer in (gv.Dropout(0.5), nn.Dropout(0.5)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            expected = layer(torch.ones(9, 9))
            torch.manual_seed(0)
            with KeyedDropout(3, lambda count: None, missed.append):
                assert layer(torch.ones(9, 9)).equal(expected)
    assert missed == [9, 9]


def test_evaluation_and_the_ends_of_the_range_are_those_of_torch():
    x = torch.randn(3, 3)
    assert keyed(lambda x: F.dropout(x, 0.5, training=False), x).equal(x)
    assert keyed(lambda x: F.dropout(x, 0.0), x).equal(x)
    assert keyed(lambda x: F.dropout(x, 1.0), x).equal(0 * x)


def test_hashed_numbers_fit_into_64_bits_and_differ():
    found = {mixed(seed, step) for seed in range(20) for step in range(20)}
    assert len(found) == 400
    assert all(-(2**63) <= number < 2**63 for number in found)
