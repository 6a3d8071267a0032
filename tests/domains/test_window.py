import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from gnnvision.domains import Window
from gnnvision.domains.window import per_axis


@st.composite
def windows(draw, modes=("zeros", "replicate", "reflect", "circular")):
    """A window with any argument, and a size that it fits."""
    ndim = draw(st.integers(1, 3))
    axis = st.lists(st.integers(1, 3), min_size=ndim, max_size=ndim)
    named = st.sampled_from(["valid", "same", "full"])
    mode = draw(st.sampled_from(modes))
    padding = draw(st.one_of(named, st.integers(0, 3)))
    window = Window.make(ndim, draw(axis), draw(axis), padding, draw(axis), mode)
    size = tuple(draw(st.integers(1, 7)) for _ in range(ndim))
    for n, f, d, (lo, hi) in zip(
        size, window.kernel_size, window.dilation, window.pads, strict=True
    ):
        assume(n + lo + hi > d * (f - 1))
        assume(max(lo, hi) <= {"reflect": n - 1, "circular": n}.get(mode, 9))
    return window, size


def padded(x, window):
    pads = [p for pair in window.pads[::-1] for p in pair]
    mode = "constant" if window.padding_mode == "zeros" else window.padding_mode
    return F.pad(x, pads, mode)


@given(windows())
def test_sizes_are_those_of_torch(made):
    window, size = made
    ndim = len(size)
    convolve = (F.conv1d, F.conv2d, F.conv3d)[ndim - 1]
    kernel = torch.ones(1, 1, *window.kernel_size)
    y = convolve(padded(torch.ones(1, 1, *size), window), kernel, None, window.stride, 0,
                 window.dilation)  # fmt: skip
    assert window.out_size(size) == y.shape[2:]


@given(windows())
def test_sources_are_what_torch_reads(made):
    """Each offset alone, as a kernel of zeros and one 1."""
    window, size = made
    ndim = len(size)
    convolve = (F.conv1d, F.conv2d, F.conv3d)[ndim - 1]
    kernels = torch.eye(window.num_offsets).view(-1, 1, *window.kernel_size)
    number = torch.arange(1.0, 1 + math.prod(size)).view(1, 1, *size)
    y = convolve(padded(number, window), kernels, None, window.stride, 0, window.dilation)
    assert torch.equal(window.sources(size), y[0].flatten(1).long() - 1)


LECTURE = [
    # size, window, what the notes give
    ((28,), {"kernel_size": 10, "stride": 2}, (10,)),
    ((100, 100), {"kernel_size": 3, "stride": 2, "padding": "same"}, (50, 50)),
    ((100, 75), {"kernel_size": 3, "stride": 2, "padding": "same"}, (50, 38)),
    ((50, 38), {"kernel_size": 3, "stride": 2, "padding": "same"}, (25, 19)),
    ((25, 19), {"kernel_size": 3, "stride": 2, "padding": "same"}, (13, 10)),
    ((5, 5), {"kernel_size": 3, "stride": 2, "padding": 1}, (3, 3)),
    ((4, 4), {"kernel_size": 3, "padding": "full"}, (6, 6)),
    ((4, 4), {"kernel_size": 2}, (3, 3)),
]


@pytest.mark.parametrize(("size", "options", "expected"), LECTURE)
def test_the_sizes_of_the_notes(size, options, expected):
    assert Window.make(len(size), **options).out_size(size) == expected


@given(st.integers(1, 30), st.integers(1, 7))
def test_lengths_of_valid_same_and_full(n, k):
    sizes = {p: Window.make(1, k, padding=p) for p in ("valid", "same", "full")}
    if n >= k:
        assert sizes["valid"].out_size((n,)) == (n - k + 1,)
    assert sizes["same"].out_size((n,)) == (n,)
    assert sizes["full"].out_size((n,)) == (n + k - 1,)
    assert sizes["same"].is_symmetric == (k % 2 == 1)
    if k % 2:
        assert sizes["same"].pads == (((k - 1) // 2,) * 2,)


def test_windows_are_values():
    assert Window.make(2, 3) == Window.make(2, (3, 3), padding="valid")
    assert hash(Window.make(2, 3)) == hash(Window.make(2, 3))
    assert Window.make(2, [3, 2]).num_offsets == 6


def test_per_axis_refusals():
    assert per_axis(3, 2, "size") == (3, 3)
    assert per_axis([3, 4], 2, "size") == (3, 4)
    for value in (1.5, "3", (1, 2.0), True, None):
        with pytest.raises(TypeError, match="'size' must be an integer, or one for each"):
            per_axis((value, 1) if value is True else value, 2, "size")
    with pytest.raises(ValueError, match=r"'size' must have one entry for each of the 2 axes"):
        per_axis((1, 2, 3), 2, "size")
    with pytest.raises(ValueError, match=r"'stride' must be at least 1, got 0. Choose a larger"):
        per_axis(0, 2, "stride")


def test_refusals():
    with pytest.raises(ValueError, match="'padding' must be an integer, 'valid', 'same' or 'full"):
        Window.make(2, 3, padding="half")
    with pytest.raises(ValueError, match="'padding' must be at least 0, got -1"):
        Window.make(2, 3, padding=-1)
    with pytest.raises(ValueError, match="'padding_mode' must be one of 'zeros', 'replicate'"):
        Window.make(2, 3, padding_mode="mirror")
    with pytest.raises(ValueError, match="'domain' must have 2 axes, got 3"):
        Window.make(2, 3).out_size((4, 4, 4))
    with pytest.raises(ValueError, match=r"got 5 sites on axis 1 of 4 \+ 0 \+ 0 sites"):
        Window.make(2, 3, dilation=2).out_size((5, 4))
    for mode, limit in (("reflect", 3), ("circular", 4)):
        with pytest.raises(ValueError, match=f"'padding' must be at most {limit} with padding_m"):
            Window.make(1, 3, padding=5, padding_mode=mode).out_size((4,))
