"""The weights' gradient by shifts: that of the framework, in every precision."""

import pytest
import torch
import torch.nn.functional as F

from gnnvision.domains import Window
from gnnvision.operators.shifted import convolve_same, is_worth_it, weight_gradient


def pictures(count, channels, size, dtype=torch.float64):
    x = torch.randn(count, channels, *size, dtype=dtype)
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kernel", [(3, 3), (5, 3), (1, 1), (1, 7)])
@pytest.mark.parametrize(("count", "size"), [(5, (7, 7)), (2, (3, 6)), (1, (1, 1))])
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_are_those_of_torch(kernel, count, size, bias):
    x = pictures(count, 4, size).requires_grad_()
    weight = torch.randn(6, 4, *kernel, requires_grad=True)
    offset = torch.randn(6, requires_grad=True) if bias else None
    ours = convolve_same(x, weight, offset)
    theirs = F.conv2d(x, weight, offset, padding="same")
    torch.testing.assert_close(ours, theirs)
    inputs = [x, weight, *([offset] if bias else [])]
    toward = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, toward),
        torch.autograd.grad(theirs, inputs, toward),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_the_gradient_is_the_sum_over_the_shifts():
    """One entry of the formula, by hand: the input one place down and to the right."""
    x, grad = pictures(3, 2, (4, 5)), pictures(3, 2, (4, 5))
    found = weight_gradient(x, grad, (3, 3))[1, 0, 2, 2]
    expected = (x[:, 0, 1:, 1:] * grad[:, 1, :-1, :-1]).sum()
    torch.testing.assert_close(found, expected)


def test_half_precision_is_close():
    x = pictures(300, 64, (5, 5), torch.float32)
    weight = torch.randn(80, 64, 3, 3, dtype=torch.float32, requires_grad=True)
    toward = pictures(300, 80, (5, 5), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert is_worth_it(x, weight, Window.make(2, 3, padding="same"), 1)
        ours = convolve_same(x, weight, None)
    assert ours.dtype == torch.bfloat16
    (a,) = torch.autograd.grad(ours, weight, toward.bfloat16())
    (b,) = torch.autograd.grad(F.conv2d(x, weight, padding=1), weight, toward)
    assert (a - b).norm() < 0.01 * b.norm()


def test_when_it_is_used():
    x = pictures(300, 64, (5, 5), torch.float32)
    weight = torch.randn(80, 64, 3, 3, requires_grad=True)
    same = Window.make(2, 3, padding="same")
    assert not is_worth_it(x, weight, same, 1), "full precision"
    with torch.autocast("cpu", torch.bfloat16):
        assert is_worth_it(x, weight, same, 1)
        assert not is_worth_it(x, weight, Window.make(2, 3, 2, padding="same"), 1)
        assert not is_worth_it(x, weight, Window.make(2, 3), 1)
        assert not is_worth_it(x, weight.detach(), same, 1)
        assert not is_worth_it(x[:10], weight, same, 1)
        assert not is_worth_it(x.contiguous(), weight, same, 1)
        assert not is_worth_it(pictures(300, 64, (9, 9)), weight, same, 1)
        even = Window.make(2, 2, padding="same")
        assert not is_worth_it(x, weight[:, :, :2, :2], even, 1)
