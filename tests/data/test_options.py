import pytest

from gnnvision.data import load, load_auto
from gnnvision.data.images.options import ImageOptions


def test_sizes_and_channels():
    assert ImageOptions().size is None
    assert ImageOptions(image_size=32).size == (32, 32)
    assert ImageOptions(image_size=(32, 48)).size == (32, 48)
    assert ImageOptions().num_channels is None
    assert ImageOptions(channels=3).num_channels == 3


@pytest.mark.parametrize(
    ("options", "kind", "fault"),
    [
        (
            {"channels": 4},
            ValueError,
            "'channels' must be 'auto', 1 \\(grayscale\\) or 3 .* got 4",
        ),
        ({"image_size": 0}, ValueError, "'image_size' must be at least 1, got 0"),
        ({"image_size": 1.5}, TypeError, "'image_size' must be an integer or"),
        ({"augment": {"crop": 4}}, TypeError, "'augment' must be an Augment or None, got dict"),
        ({"image_size": (1, 2, 3)}, TypeError, r"got \(1, 2, 3\)"),
    ],
)
@pytest.mark.parametrize("call", [load, load_auto])
def test_options_out_of_range(call, options, kind, fault):
    with pytest.raises(kind, match=fault):
        call("digits", **options)


@pytest.mark.parametrize("call", [load, load_auto])
def test_an_unknown_option(call):
    with pytest.raises(TypeError, match="unexpected keyword argument 'color'"):
        call("digits", color=True)
