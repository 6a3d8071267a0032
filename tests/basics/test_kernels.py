import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gnnvision as gv
from gnnvision.basics import (
    KERNELS,
    SEPIA,
    correlate,
    filtered,
    hand_made,
    layer_with,
    mixed,
    smoothed,
)


def test_the_edge_kernels_of_the_notes():
    vertical = hand_made("vertical edges")
    assert (vertical[:, 2] == 1).all()
    assert (vertical[:, 0] == -1).all()
    assert torch.equal(hand_made("horizontal edges"), vertical.T)


def test_edges_are_where_the_brightness_changes():
    step = torch.zeros(6, 8)
    step[:, 4:] = 1  # dark on the left, bright on the right
    found = filtered(step, hand_made("vertical edges"))
    assert (found[:, 3:5] == 3).all()
    assert not found[:, :3].any()
    assert not found[:, 5:].any()
    assert torch.equal(filtered(step.flip(1), hand_made("vertical edges")), -found.flip(1))
    assert not filtered(step, hand_made("horizontal edges")).any()
    assert torch.equal(filtered(step.T, hand_made("horizontal edges")), found.T)


@pytest.mark.parametrize("name", KERNELS)
def test_what_kernels_do_to_an_even_picture(name):
    """Those that add up to 1 keep it; those that add up to 0 leave nothing."""
    even, kernel = torch.full((5, 6), 0.4), hand_made(name)
    torch.testing.assert_close(filtered(even, kernel), even * kernel.sum())
    assert round(float(kernel.sum()), 6) in (0, 1)


@pytest.mark.parametrize("name", KERNELS)
def test_a_layer_with_a_kernel_is_the_formula(name):
    picture = torch.rand(7, 9)
    options = {"padding": "same", "padding_mode": "replicate"}
    expected = correlate(picture, hand_made(name), **options)
    torch.testing.assert_close(filtered(picture, hand_made(name)), expected)


def test_bias_and_activation():
    picture, kernel = torch.rand(5, 5), hand_made("outline")
    plain = filtered(picture, kernel)
    found = filtered(picture, kernel, bias=-0.5, activation=torch.relu)
    torch.testing.assert_close(found, torch.relu(plain - 0.5))


def test_stride_looks_at_every_second_window():
    picture, kernel = torch.rand(8, 10), hand_made("blur")
    every = filtered(picture, kernel)
    torch.testing.assert_close(filtered(picture, kernel, stride=2), every[::2, ::2])


def test_zero_padding_makes_an_edge_and_copying_does_not():
    even, kernel = torch.ones(5, 5), hand_made("horizontal edges")
    assert filtered(even, kernel, padding_mode="zeros")[0].any()
    assert not filtered(even, kernel, padding_mode="replicate").any()


def test_channels_are_added_up():
    picture, kernel = torch.rand(3, 6, 7), torch.randn(3, 3, 3)
    each = [filtered(channel, layer) for channel, layer in zip(picture, kernel, strict=True)]
    torch.testing.assert_close(filtered(picture, kernel), sum(each))


def test_as_deep_as_the_input_3d_is_2d():
    """A 3-D kernel as deep as its input has nowhere to move: it is a 2-D one over channels."""
    volume, kernel = torch.randn(1, 1, 4, 6, 7), torch.randn(2, 1, 4, 3, 3)
    deep = layer_with(kernel, padding=0)(volume)
    flat = layer_with(kernel[:, 0], padding=0)(volume[:, 0])
    torch.testing.assert_close(deep[:, :, 0], flat)
    shallow = layer_with(kernel[:, :, :2], padding=0)
    assert shallow(volume).shape == (1, 2, 3, 4, 5)  # it moves along the third axis


@given(st.integers(1, 5), st.integers(1, 4))
def test_mixing_acts_on_each_pixel_alone(channels, new):
    picture, weights = torch.rand(channels, 4, 5), torch.randn(new, channels)
    expected = (weights @ picture.flatten(1)).view(new, 4, 5)
    torch.testing.assert_close(mixed(picture, weights), expected)


def test_sepia_of_gray_is_brown():
    red, green, blue = mixed(torch.full((3, 1, 1), 0.5), torch.tensor(SEPIA)).flatten()
    assert red > green > blue


def test_smoothing_a_curve():
    curve = torch.randn(50)
    smooth = smoothed(curve, torch.full((5,), 0.2))
    assert smooth.shape == curve.shape
    torch.testing.assert_close(smooth[10], curve[8:13].mean())
    assert smooth.std() < curve.std()
    line = torch.linspace(0, 1, 20)
    torch.testing.assert_close(smoothed(line, torch.full((3,), 1 / 3))[1:-1], line[1:-1])


def test_the_layers_are_the_toolkits_own():
    layer = layer_with(torch.randn(2, 3, 3, 3), torch.randn(2))
    assert isinstance(layer, gv.Conv2d)
    x, grid = torch.randn(1, 3, 5, 6), gv.Grid((5, 6))
    torch.testing.assert_close(layer(x), layer.reference(x, grid))


def test_refusals():
    with pytest.raises(ValueError, match="'name' must be one of vertical edges, "):
        hand_made("edges")
    with pytest.raises(ValueError, match=r"'kernel' must have shape \(C, f, f\)"):
        filtered(torch.ones(3, 5, 5), torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match=r"'kernels' must have shape \(N, C, f\)"):
        layer_with(torch.ones(3, 3))
