import dataclasses

import pytest
import torch

from gnnvision.data import Augment

EVERYTHING = Augment(
    crop=2, flip="random", rotation=20, shift=0.1, scale=(0.9, 1.2), brightness=0.2,
    contrast=0.3, saturation=0.4, hue=0.1, cutout=3, resized_crop=(0.3, 1.0), size=(8, 10),
)  # fmt: skip
EACH = {
    "crop": Augment(crop=3),
    "zeros": Augment(crop=3, padding_mode="zeros"),
    "flip": Augment(flip="random"),
    "affine": Augment(rotation=15, shift=0.1, scale=(0.8, 1.2)),
    "color": Augment(brightness=0.3, contrast=0.3, saturation=0.3),
    "hue": Augment(hue=0.4),
    "cutout": Augment(cutout=4),
    "resized": Augment(resized_crop=(0.1, 1.0)),
    "all": EVERYTHING,
}


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    pictures = torch.randint(0, 256, (16, 3, 12, 10), dtype=torch.uint8)
    return pictures.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("augment", EACH.values(), ids=EACH)
def test_bytes_in_bytes_out_the_same_for_the_same_generator(images, augment):
    before = images.clone()
    out = augment(images, drawn())
    assert images.equal(before)
    assert out.dtype == torch.uint8
    assert tuple(out.shape) == (16, 3, *(augment.size or (12, 10)))
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert out.equal(augment(images, drawn()))
    assert not out.equal(augment(images, drawn(1)))
    assert out.equal(augment(images.contiguous(), drawn()))


@pytest.mark.parametrize("name", ["crop", "flip", "affine", "resized", "color"])
def test_pictures_of_one_color_keep_it(name):
    """Mirrored borders add nothing; contrast and saturation of a gray leave it as it is."""
    augment = EACH[name] if name != "color" else Augment(contrast=0.5, saturation=0.5)
    images = torch.arange(0, 160, 10, dtype=torch.uint8).view(16, 1, 1, 1).expand(16, 3, 9, 9)
    assert augment(images, drawn()).equal(images)


def test_none_does_nothing(images):
    generator = drawn()
    assert Augment()(images, generator).equal(images)
    assert generator.get_state().equal(drawn().get_state())


def test_a_crop_is_a_window_of_the_padded_picture():
    images = torch.arange(1, 26, dtype=torch.uint8).view(1, 1, 5, 5).expand(60, 1, 5, 5)
    out = Augment(crop=1, padding_mode="zeros")(images, drawn())
    corners = {int(value) for value in out[:, 0, 2, 2]}
    assert corners == {7, 8, 9, 12, 13, 14, 17, 18, 19}  # all nine places are drawn
    for picture in out[:, 0]:
        shift = int(picture[2, 2]) - 13
        inside = picture[picture > 0]
        assert (inside - shift).min() >= 1
        assert (picture == 0).sum() in (0, 5, 9)


def test_half_of_the_flips(images):
    out = Augment(flip="random")(images.repeat(20, 1, 1, 1), drawn())
    flipped = (out == images.repeat(20, 1, 1, 1).flip(3)).flatten(1).all(1)
    assert 0.4 < flipped.double().mean() < 0.6


def test_a_flip_that_is_given_is_not_drawn(images):
    state = torch.arange(16) < 5
    generator = drawn()
    out = Augment(flip="alternating")(images, generator, flip_state=state)
    assert out[:5].equal(images[:5].flip(3))
    assert out[5:].equal(images[5:])
    assert generator.get_state().equal(drawn().get_state())


def test_cutout_blanks_its_square_somewhere(images):
    white = torch.full((200, 3, 9, 7), 255, dtype=torch.uint8)
    out = Augment(cutout=4)(white, drawn())
    assert ((out == 0).all(1).sum((1, 2)) == 16).all()
    assert len(out.unique(dim=0)) == 6 * 4  # every place
    gray = Augment(cutout=4)(white, drawn(), fill=(0.5, 0.25, 1.0))
    assert gray[0, :2].amin((1, 2)).tolist() == [128, 64]


def test_no_picture_is_confused_with_another():
    """The level of an image of one color tells which it is, whatever is done to it."""
    images = (10 * torch.arange(16, dtype=torch.uint8)).view(16, 1, 1, 1).expand(16, 1, 12, 12)
    out = Augment(crop=2, flip="random", rotation=10, resized_crop=(0.5, 1))(images, drawn())
    assert (out.amax((1, 2, 3)) // 10).tolist() == list(range(16))


def test_resized_crops_lie_within_the_picture_and_vary():
    ramp = torch.arange(100, dtype=torch.uint8).expand(200, 1, 100, 100)
    out = Augment(resized_crop=(0.1, 0.5), ratio=(0.5, 2.0))(ramp, drawn()).double()
    width = out[:, 0, 50, -1] - out[:, 0, 50, 0] + 1
    assert width.min() >= 100 * (0.1 * 0.5) ** 0.5 - 3
    assert 90 < width.max() <= 100  # 0.5 of the area at twice as wide as high: the whole width
    assert len(width.unique()) > 20


def test_an_impossible_ratio_takes_the_largest_box_that_fits():
    ramp = torch.arange(64, dtype=torch.uint8).expand(3, 1, 8, 64)
    out = Augment(resized_crop=(1, 1), ratio=(1.0, 1.0))(ramp, drawn())
    assert out[0, 0, 0, 0] in (27, 28, 29)
    assert out[0, 0, 0, -1] in (34, 35, 36)


@pytest.mark.gpu
@pytest.mark.parametrize("augment", EACH.values(), ids=EACH)
def test_a_gpu_changes_them_alike(images, augment):
    here, there = augment(images, drawn()), augment(images.cuda(), drawn()).cpu()
    assert (here.int() - there.int()).abs().max() <= 2
    if not (augment.rotation or augment.brightness or augment.resized_crop):
        assert here.equal(there)


@pytest.mark.parametrize(
    ("settings", "kind", "fault"),
    [
        ({"crop": -1}, ValueError, "'crop' must be at least 0, got -1"),
        ({"crop": 1.5}, TypeError, "'crop' must be an integer, got 1.5"),
        ({"cutout": True}, TypeError, "'cutout' must be an integer, got True"),
        ({"rotation": 200}, ValueError, "'rotation' must be from 0 to 180, got 200"),
        ({"shift": -0.1}, ValueError, "'shift' must be from 0 to 1, got -0.1"),
        ({"brightness": 2}, ValueError, "'brightness' must be from 0 to 1, got 2"),
        ({"hue": 0.6}, ValueError, "'hue' must be from 0 to 0.5, got 0.6"),
        ({"contrast": "x"}, TypeError, "'contrast' must be a number, got 'x'"),
        ({"scale": (1.2, 0.8)}, ValueError, "'scale' must be positive numbers"),
        ({"scale": 0.8}, TypeError, "'scale' must be a pair .* got 0.8"),
        ({"resized_crop": (0.1, 1.5)}, ValueError, "'resized_crop' must be fractions"),
        ({"ratio": (0, 1)}, ValueError, "'ratio' must be positive numbers"),
        ({"size": (8, 8)}, ValueError, "'size' must be left out without 'resized_crop'"),
        ({"size": (8,), "resized_crop": (1, 1)}, ValueError, r"'size' must be \(height, width\)"),
        ({"size": 0, "resized_crop": (1, 1)}, ValueError, "'size' must be at least 1, got 0"),
        ({"flip": "vertical"}, ValueError, "'flip' must be one of 'random', .* got 'vertical'"),
        ({"padding_mode": "edge"}, ValueError, "'padding_mode' must be one of 'reflect', 'zeros'"),
    ],
)
def test_settings_out_of_range(settings, kind, fault):
    with pytest.raises(kind, match=fault):
        Augment(**settings)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"crop": 8}, "'crop' must be below the image size 8 for"),
        ({"cutout": 9}, "'cutout' must be at most the image size 8, got 9"),
        (
            {"resized_crop": (1, 1), "size": (16, 4)},
            r"'size' must be at most the image size \(8, 9\), got \(16, 4\)",
        ),
    ],
)
def test_settings_that_do_not_fit_the_pictures(settings, fault):
    with pytest.raises(ValueError, match=fault):
        Augment(**settings)(torch.zeros(2, 3, 8, 9, dtype=torch.uint8), drawn())


def test_float_pictures_are_refused():
    with pytest.raises(TypeError, match=r"'images' must be uint8, got torch\.float"):
        Augment(crop=1)(torch.zeros(1, 3, 8, 8), drawn())


def test_it_says_what_it_does():
    assert str(Augment()) == "none"
    assert str(EVERYTHING) == (
        "resized crop of 0.3-1 of the area to 8x10, crop 2 (reflect), rotation 20°, shift 0.1, "
        "scale 0.9-1.2, flip random, brightness 0.2, contrast 0.3, saturation 0.4, hue 0.1, "
        "cutout 3"
    )
    assert Augment(crop=4, flip="random").to_dict() == {"crop": 4, "flip": "random"}
    assert Augment(**EVERYTHING.to_dict()) == EVERYTHING
    with pytest.raises(dataclasses.FrozenInstanceError):
        EVERYTHING.crop = 3
