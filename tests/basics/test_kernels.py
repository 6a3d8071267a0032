import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gnnvision as gv
from gnnvision.basics import (
    KERNELS,
    SEPIA,
    apply_kernel,
    correlate,
    get_kernel,
    layer_from_kernels,
    mix_channels,
    smooth_curve,
)


def test_the_edge_kernels_of_the_notes():
    vertical = get_kernel("vertical edges")
    assert (vertical[:, 2] == 1).all()
    assert (vertical[:, 0] == -1).all()
    assert torch.equal(get_kernel("horizontal edges"), vertical.T)


def test_edges_are_where_the_brightness_changes():
    step = torch.zeros(6, 8)
    step[:, 4:] = 1  # dark on the left, bright on the right
    found = apply_kernel(step, get_kernel("vertical edges"))
    assert (found[:, 3:5] == 3).all()
    assert not found[:, :3].any()
    assert not found[:, 5:].any()
    assert torch.equal(apply_kernel(step.flip(1), get_kernel("vertical edges")), -found.flip(1))
    assert not apply_kernel(step, get_kernel("horizontal edges")).any()
    assert torch.equal(apply_kernel(step.T, get_kernel("horizontal edges")), found.T)


@pytest.mark.parametrize("name", KERNELS)
def test_what_kernels_do_to_an_even_image(name):
    """Those that add up to 1 keep it; those that add up to 0 leave nothing."""
    even, kernel = torch.full((5, 6), 0.4), get_kernel(name)
    torch.testing.assert_close(apply_kernel(even, kernel), even * kernel.sum())
    assert round(float(kernel.sum()), 6) in (0, 1)


@pytest.mark.parametrize("name", KERNELS)
def test_a_layer_with_a_kernel_is_the_formula(name):
    image = torch.rand(7, 9)
    options = {"padding": "same", "padding_mode": "replicate"}
    expected = correlate(image, get_kernel(name), **options)
    torch.testing.assert_close(apply_kernel(image, get_kernel(name)), expected)


def test_bias_and_activation():
    image, kernel = torch.rand(5, 5), get_kernel("outline")
    plain = apply_kernel(image, kernel)
    found = apply_kernel(image, kernel, bias=-0.5, activation=torch.relu)
    torch.testing.assert_close(found, torch.relu(plain - 0.5))


def test_stride_looks_at_every_second_window():
    image, kernel = torch.rand(8, 10), get_kernel("blur")
    every = apply_kernel(image, kernel)
    torch.testing.assert_close(apply_kernel(image, kernel, stride=2), every[::2, ::2])


def test_zero_padding_makes_an_edge_and_copying_does_not():
    even, kernel = torch.ones(5, 5), get_kernel("horizontal edges")
    assert apply_kernel(even, kernel, padding_mode="zeros")[0].any()
    assert not apply_kernel(even, kernel, padding_mode="replicate").any()


def test_channels_are_added_up():
    image, kernel = torch.rand(3, 6, 7), torch.randn(3, 3, 3)
    each = [apply_kernel(channel, layer) for channel, layer in zip(image, kernel, strict=True)]
    torch.testing.assert_close(apply_kernel(image, kernel), sum(each))


def test_as_deep_as_the_input_3d_is_2d():
    """A 3-D kernel as deep as its input has nowhere to move: it is a 2-D one over channels."""
    volume, kernel = torch.randn(1, 1, 4, 6, 7), torch.randn(2, 1, 4, 3, 3)
    deep = layer_from_kernels(kernel, padding=0)(volume)
    flat = layer_from_kernels(kernel[:, 0], padding=0)(volume[:, 0])
    torch.testing.assert_close(deep[:, :, 0], flat)
    shallow = layer_from_kernels(kernel[:, :, :2], padding=0)
    assert shallow(volume).shape == (1, 2, 3, 4, 5)  # it moves along the third axis


@given(st.integers(1, 5), st.integers(1, 4))
def test_mixing_acts_on_each_pixel_alone(channels, new):
    image, weights = torch.rand(channels, 4, 5), torch.randn(new, channels)
    expected = (weights @ image.flatten(1)).view(new, 4, 5)
    torch.testing.assert_close(mix_channels(image, weights), expected)


def test_sepia_of_gray_is_brown():
    red, green, blue = mix_channels(torch.full((3, 1, 1), 0.5), torch.tensor(SEPIA)).flatten()
    assert red > green > blue


def test_smoothing_a_curve():
    curve = torch.randn(50)
    smooth = smooth_curve(curve, torch.full((5,), 0.2))
    assert smooth.shape == curve.shape
    torch.testing.assert_close(smooth[10], curve[8:13].mean())
    assert smooth.std() < curve.std()
    line = torch.linspace(0, 1, 20)
    torch.testing.assert_close(smooth_curve(line, torch.full((3,), 1 / 3))[1:-1], line[1:-1])


def test_the_layers_are_the_toolkits_own():
    layer = layer_from_kernels(torch.randn(2, 3, 3, 3), torch.randn(2))
    assert isinstance(layer, gv.Conv2d)
    x, grid = torch.randn(1, 3, 5, 6), gv.Grid((5, 6))
    torch.testing.assert_close(layer(x), layer.reference(x, grid))


def test_refusals():
    with pytest.raises(ValueError, match="'name' must be one of 'vertical edges', "):
        get_kernel("edges")
    with pytest.raises(ValueError, match=r"'kernel' must have shape \(C, f, f\)"):
        apply_kernel(torch.ones(3, 5, 5), torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match=r"'kernels' must have shape \(N, C, f\)"):
        layer_from_kernels(torch.ones(3, 3))
