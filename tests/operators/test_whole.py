"""A convolution as one matrix product: the framework's values and gradients."""

import pytest
import torch
import torch.nn.functional as F

import gnnvision as gv
from gnnvision.domains import Window
from gnnvision.operators.whole import LEAST_PICTURES, convolve_whole, is_worth_it

CASES = [
    ((3, 3), 3, 1, 1, 1),
    ((2, 3), 3, 1, 1, 1),
    ((1, 1), 3, 1, 1, 1),
    ((4, 4), 5, 2, 2, 1),
    ((3, 3), 3, 1, 0, 1),
    ((3, 3), (3, 3), 1, 2, 2),
]


def pictures(size, channels=4, count=LEAST_PICTURES):
    x = torch.randn(count, channels, *size, dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_are_those_of_torch(size, kernel, stride, padding, dilation, bias):
    window = Window.make(2, kernel, stride, padding, dilation)
    x = pictures(size).requires_grad_()
    weight = torch.randn(5, 4, *window.kernel_size, dtype=torch.float64, requires_grad=True)
    offset = torch.randn(5, dtype=torch.float64, requires_grad=True) if bias else None
    ours = convolve_whole(x, weight, offset, window)
    theirs = F.conv2d(x, weight, offset, stride, padding, dilation)
    torch.testing.assert_close(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    inputs = [x, weight, *([offset] if bias else [])]
    toward = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, toward),
        torch.autograd.grad(theirs, inputs, toward),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_autocast_gives_the_precision_of_convolutions():
    window = Window.make(2, 3, padding="same")
    x = pictures((3, 3)).float()
    weight = torch.randn(5, 4, 3, 3, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours = convolve_whole(x, weight, None, window)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), F.conv2d(x, weight, padding=1), atol=0.1, rtol=0.05)


def test_when_it_is_used():
    same = Window.make(2, 3, padding="same")
    assert is_worth_it(pictures((3, 3)), same, groups=1)
    assert not is_worth_it(pictures((4, 4)), same, groups=1)
    assert not is_worth_it(pictures((3, 3)), same, groups=2)
    assert not is_worth_it(pictures((3, 3), count=LEAST_PICTURES - 1), same, groups=1)
    assert not is_worth_it(pictures((3, 3)).contiguous(), same, groups=1)
    mirrored = Window.make(2, 3, padding="same", padding_mode="replicate")
    assert not is_worth_it(pictures((3, 3)), mirrored, groups=1)


def test_the_layer_takes_this_way():
    layer = gv.Conv2d(4, 5, 3, padding="same", dtype=torch.float64)
    x = pictures((3, 3))
    torch.testing.assert_close(layer(x), layer.reference(x, gv.Grid((3, 3))))
