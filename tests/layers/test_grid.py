import math
from typing import ClassVar

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from gnnvision import Conv1d, Conv2d, Conv3d, Grid

from ..contracts import GridContract

OURS = {1: Conv1d, 2: Conv2d, 3: Conv3d}
THEIRS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class TestConv1d(GridContract):
    size = (8,)
    make_cases: ClassVar = {
        "valid": lambda: Conv1d(4, 3, 3),
        "one tap": lambda: Conv1d(4, 3, 1, bias=False),
        "full": lambda: Conv1d(2, 3, 4, padding="full"),
        "same, even, stride": lambda: Conv1d(2, 3, 4, stride=3, padding="same"),
        "dilated, replicated": lambda: Conv1d(
            2, 2, 3, dilation=2, padding=2, padding_mode="replicate"
        ),
    }


class TestConv2d(GridContract):
    size = (5, 6)
    make_cases: ClassVar = {
        "valid": lambda: Conv2d(2, 3, 3),
        "pointwise": lambda: Conv2d(4, 3, 1),
        "same, stride": lambda: Conv2d(2, 3, 3, stride=2, padding="same"),
        "groups": lambda: Conv2d(4, 2, (3, 2), padding=(1, 0), groups=2, bias=False),
        "depthwise": lambda: Conv2d(2, 4, 3, padding=1, groups=2),
        "torus": lambda: Conv2d(2, 3, 3, padding="same", padding_mode="circular"),
        "even reflected": lambda: Conv2d(2, 3, 2, padding="same", padding_mode="reflect"),
        "full dilated": lambda: Conv2d(2, 2, (2, 3), padding="full", dilation=(2, 1)),
    }


class TestConv3d(GridContract):
    size = (3, 4, 3)
    make_cases: ClassVar = {
        "valid": lambda: Conv3d(2, 2, 2),
        "same": lambda: Conv3d(2, 2, (3, 1, 2), padding="same"),
        "strided torus": lambda: Conv3d(2, 1, 3, stride=2, padding=1, padding_mode="circular"),
    }


def pair(ndim, *args, **options):
    """Our layer and torch's with the same parameters."""
    ours, theirs = OURS[ndim](*args, **options), THEIRS[ndim](*args, **options)
    assert isinstance(ours, THEIRS[ndim])
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def assert_same(ours, theirs, x):
    """Values, and gradients by input and parameters."""
    outputs, grads = [], []
    for layer in (ours, theirs):
        signal = x.clone().requires_grad_()
        y = layer(signal)
        slope = torch.linspace(-1, 1, y.numel()).view_as(y)
        outputs.append(y)
        grads.append(torch.autograd.grad((y * slope).sum(), [signal, *layer.parameters()]))
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*grads)
    grid = Grid(x.shape[2:])
    assert ours.out_domain(grid).shape == outputs[1].shape[2:]
    torch.testing.assert_close(ours.reference(x, grid), outputs[1])


@st.composite
def convolutions(draw, ndim):
    """Arguments that torch accepts, and the size of an input."""
    each = st.tuples(*[st.integers(1, 3)] * ndim)
    kernel, stride, dilation = draw(each), draw(each), draw(each)
    reach = [d * (f - 1) for d, f in zip(dilation, kernel, strict=True)]
    mode = draw(st.sampled_from(["zeros", "replicate", "reflect", "circular"]))
    size = [draw(st.integers(1, 4 if ndim == 3 else 8)) for _ in range(ndim)]
    least = {"reflect": 1, "circular": 0}.get(mode, -5)
    padding = [draw(st.integers(0, max(0, min(3, n - least)))) for n in size]
    assume(all(n + 2 * p > r for n, p, r in zip(size, padding, reach, strict=True)))
    groups = draw(st.sampled_from([1, 2]))
    return size, {
        "in_channels": 2 * groups,
        "out_channels": 2 * groups,
        "kernel_size": kernel,
        "stride": stride,
        "padding": tuple(padding),
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": mode,
    }


@pytest.mark.parametrize("ndim", [1, 2, 3])
@given(data=st.data())
def test_equals_torch(ndim, data):
    size, options = data.draw(convolutions(ndim))
    ours, theirs = pair(ndim, **options)
    assert_same(ours, theirs, torch.randn(2, options["in_channels"], *size))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect", "circular"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_same_equals_torch_at_stride_1(ndim, kernel, mode):
    size = (6, 5, 4)[-ndim:] if kernel < 5 else (5,) * ndim
    for dilation in (1, 2) if kernel < 3 else (1,):
        options = {"padding": "same", "padding_mode": mode, "dilation": dilation}
        assert_same(*pair(ndim, 2, 2, kernel, **options), torch.randn(1, 2, *size))


@pytest.mark.parametrize("padding", ["valid", 0, (1, 2)])
def test_other_paddings_equal_torch(padding):
    assert_same(*pair(2, 2, 3, 4, padding=padding), torch.randn(1, 2, 6, 7))


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.data())
def test_same_at_any_stride_has_a_window_for_each_step(n, kernel, stride, dilation, data):
    layer = Conv1d(1, 1, kernel, stride, "same", dilation)
    x = torch.randn(1, 1, n)
    assert layer(x).shape[2] == math.ceil(n / stride)
    every = Conv1d(1, 1, kernel, 1, "same", dilation)
    every.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x), every(x)[..., ::stride])


def test_full_is_every_overlap():
    """As numpy's convolution with the kernel turned around."""
    import numpy as np

    layer = Conv1d(1, 1, 3, padding="full", bias=False)
    x = torch.randn(1, 1, 5)
    kernel = layer.weight.detach().flatten().flip(0)
    expected = np.convolve(x.flatten().numpy(), kernel.numpy(), mode="full")
    torch.testing.assert_close(layer(x).flatten().detach(), torch.from_numpy(expected))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_torus_may_be_turned(ndim):
    """Cyclic translations go through: shift and convolve, or convolve and shift."""
    size, axes = (4, 5, 3)[:ndim], tuple(range(2, 2 + ndim))
    layer = OURS[ndim](2, 3, 3, padding="same", padding_mode="circular")
    x = torch.randn(2, 2, *size)
    for shifts in [(1,) * ndim, (-2, 3, 1)[:ndim]]:
        torch.testing.assert_close(layer(x.roll(shifts, axes)), layer(x).roll(shifts, axes))


def test_channels_last_and_autocast_agree():
    layer, x = Conv2d(3, 4, 3, padding="same").float(), torch.randn(2, 3, 6, 5).float()
    y = layer(x)
    torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), y)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(x)
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half.float(), y, atol=0.05, rtol=0.05)


def test_the_blackboard_examples():
    """The lecture's picture and filter, and its pattern finder."""
    picture = [[10, 20, 30, 40], [0, 1, 0, 1], [30, 0, 10, 20], [0, 10, 20, 30]]
    layer = Conv2d(1, 1, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0], [0, 2]]))
    y = layer(torch.tensor(picture).double()[None, None])
    assert y[0, 0, 0, :2].tolist() == [12, 20]
    pattern = Conv1d(1, 1, 3, bias=False)
    with torch.no_grad():
        pattern.weight.copy_(torch.tensor([-1.0, 0, 1]))
    assert pattern(torch.tensor([[[2.0, 9, 9]]])).item() == 7


def test_same_seed_as_torch_gives_the_same_weights():
    torch.manual_seed(5)
    ours = Conv2d(3, 4, 3)
    torch.manual_seed(5)
    torch.testing.assert_close(ours.state_dict(), nn.Conv2d(3, 4, 3).state_dict())


def test_refusals():
    with pytest.raises(ValueError, match="'padding' must be an integer, 'valid', 'same' or 'ful"):
        Conv2d(1, 1, 3, padding="half")
    with pytest.raises(
        ValueError, match="'padding_mode' must be one of 'zeros', 'replicate', 'reflec"
    ):
        Conv2d(1, 1, 3, padding_mode="mirror")
    with pytest.raises(ValueError, match="'kernel_size' must have one entry for each of the 2"):
        Conv2d(1, 1, (3, 3, 3))
    with pytest.raises(TypeError, match=r"'stride' must be an integer, or .* got 1.5"):
        Conv2d(1, 1, 3, stride=1.5)
    with pytest.raises(TypeError, match=r"'kernel_size' must be an integer.* got \(3, True\)"):
        Conv2d(1, 1, (3, True))
    with pytest.raises(ValueError, match="'dilation' must be at least 1, got 0"):
        Conv2d(1, 1, 3, dilation=0)
    with pytest.raises(ValueError, match="'kernel_size' must fit into the padded input"):
        Conv2d(1, 1, 3)(torch.ones(1, 1, 2, 5))
    with pytest.raises(ValueError, match="'padding' must be at most 1 with padding_mode='reflec"):
        Conv2d(1, 1, 5, padding="same", padding_mode="reflect")(torch.ones(1, 1, 2, 5))
