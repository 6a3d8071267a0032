import numpy as np
import pytest
import torch
from PIL import Image

from gnnvision.basics import load_photo


@pytest.fixture
def save(tmp_path):
    """Write an array as an image file."""

    def write(array, name="photo.png", **options):
        path = tmp_path / name
        Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path, **options)
        return path

    return write


def test_pixels_are_read_as_they_are(save):
    array = np.zeros((70, 80, 3))
    array[10, 20] = (255, 0, 51)
    photo = load_photo(save(array))
    assert photo.name == "photo.png"
    assert photo.pixels.shape == (3, 70, 80)
    torch.testing.assert_close(photo.pixels[:, 10, 20], torch.tensor([1.0, 0.0, 0.2]))
    assert photo.pixels.count_nonzero() == 2
    assert photo.gray[10, 20] == pytest.approx(0.299 + 0.114 * 0.2)


def test_gray_and_transparent_images_are_read(save):
    assert load_photo(save(np.full((64, 64), 128))).pixels.shape == (3, 64, 64)
    assert load_photo(save(np.full((64, 64, 4), 128))).pixels.shape == (3, 64, 64)


def test_a_large_one_is_made_smaller(save):
    assert load_photo(save(np.zeros((400, 900, 3))), largest=300).pixels.shape == (3, 133, 300)


def test_it_is_turned_upright(save):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    array = np.zeros((64, 100, 3))
    assert load_photo(save(array, "turned.jpg", exif=exif)).pixels.shape == (3, 100, 64)


def test_the_one_that_is_always_there():
    photo = load_photo()
    assert photo.pixels.shape == (3, 427, 640)
    assert photo.square.pixels.shape == (3, 427, 427)
    assert 0 <= float(photo.pixels.min()) < float(photo.pixels.max()) <= 1
    assert "CC BY 2.0" in photo.credit


def test_refusals(tmp_path, save):
    with pytest.raises(ValueError, match=r"'photo' must be a readable image file.*No such file"):
        load_photo(tmp_path / "nowhere.png")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(ValueError, match=r"got .*text.png' \(unknown image format\)"):
        load_photo(text)
    with pytest.raises(ValueError, match="'photo' must be a readable image file"):
        load_photo(tmp_path)
    whole = save(np.random.default_rng(0).integers(0, 255, (90, 90, 3)))
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(ValueError, match="'photo' must be a readable image file"):
        load_photo(whole)
    with pytest.raises(ValueError, match="at least 64 pixels wide and high, got 80 x 30"):
        load_photo(save(np.zeros((30, 80, 3))))
