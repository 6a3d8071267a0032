"""New images for prediction: sorted files, in the size and channels of the model."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from gnnvision.data.images import image_files, read_image

from . import made


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def test_files_keep_their_order_and_folders_give_their_pictures(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("b.png", "a.jpg", "notes.txt"):
        (inner / name).touch()
    named = [tmp_path / "z.png", inner, tmp_path / "missing.jpg"]
    found = image_files(named)
    assert found == [named[0], inner / "a.jpg", inner / "b.png", named[2]]


def test_nothing_to_look_at(tmp_path):
    with pytest.raises(ValueError, match="'images' must be image files or folders"):
        image_files([tmp_path])


def test_a_picture_that_fits_is_taken_as_it_is(tmp_path):
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    picture, changes = read_image(write(tmp_path / "a.png", pixels), (5, 4), 3)
    assert torch.equal(picture.permute(1, 2, 0), torch.from_numpy(pixels))
    assert changes == ()


@pytest.mark.parametrize(("given", "asked"), [(1, 3), (3, 1)])
def test_channels_are_those_of_the_training_and_said_so(tmp_path, given, asked):
    pixels = np.full((6, 8, given), 77, dtype=np.uint8)
    path = write(tmp_path / "a.png", pixels if given == 3 else pixels[:, :, 0])
    picture, changes = read_image(path, (4, 4), asked)
    assert picture.shape == (asked, 4, 4)
    assert (picture == 77).all()
    assert any("as the training images" in change for change in changes)


def test_what_is_no_picture_says_so(tmp_path):
    text = tmp_path / "a.jpg"
    text.write_text("hello")
    with pytest.raises(ValueError, match="begins with b'hello'"):
        read_image(text, (4, 4), 3)
    with pytest.raises(OSError, match=r"none\.png"):
        read_image(tmp_path / "none.png", (4, 4), 3)


def test_what_a_folder_holds_besides_readable_images(tmp_path):
    png = made.encoded(made.pixels())
    for name, data in {
        "a.jfif": png, "b": png, "c.heic": b"x", "d.txt": b"x", "._e.png": png, "Thumbs.db": png,
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    (tmp_path / "@eaDir").mkdir()
    (tmp_path / "@eaDir" / "thumb.jpg").write_bytes(png)
    os.mkfifo(tmp_path / "pipe.png")
    assert [path.name for path in image_files([tmp_path])] == ["a.jfif", "b", "c.heic"]
    with pytest.raises(ValueError, match="which is a named pipe"):
        read_image(tmp_path / "pipe.png", (4, 4), 3)
