import os

import numpy as np
import pytest

from gnnvision.data import load

from .. import made_files
from . import made


def test_what_was_understood_of_a_folder(tmp_path):
    apart = "\u1100\u1161"  # 가, as a Mac writes it
    files = made.tree(classes=("cat", "가"), parts={"train": 10}, size=(9, 7)) | {
        "train/cat/big.png": made.encoded(made.pixels(70, (30, 40))),
        f"train/{apart}/x.png": made.encoded(made.pixels(71, (9, 7)).astype(np.uint8)),
        "train/cat/phone.heic": b"x", "train/cat/bad.jpg": b"text", "train/@eaDir/1.jpg": b"x",
        "lost.png": made.encoded(made.pixels(72)),
    }  # fmt: skip
    folder = made_files.write(tmp_path / "set", files)
    with pytest.warns(
        UserWarning, match="are excluded: 1 in unsupported formats .*; 1 outside the class"
    ):
        task = load(folder, on_invalid="skip")
    overview = task.overview()
    assert overview["images"] == (
        "color, 7 x 7 pixels (height x width), resized and center-cropped from 9 x 7 to 30 x 40"
    )
    assert overview["classes"] == (
        "items (training / validation / test): 'cat' 11 (9 / 1 / 1); '가' 11 (9 / 1 / 1)"
    )
    assert overview["excluded"] == (
        "1 not an image ('train/cat/bad.jpg': begins with b'text'); "
        "1 no class ('lost.png'); "
        "1 unsupported format ('train/cat/phone.heic': HEIC is not supported; convert it to JPEG "
        "or PNG); 1 system file ('train/@eaDir': created by an operating system or a program)"
    )
    assert overview["assumptions"] == "folders named '가' in two Unicode forms are the same class"
    assert task.data_warnings() == []


def test_images_of_one_size_say_no_more():
    assert made.task(size=(8, 8)).overview()["images"] == "color, 8 x 8 pixels (height x width)"
    assert "excluded" not in made.task().overview()


def test_the_same_images_in_two_splits_are_a_concern(tmp_path):
    made_files.write(tmp_path / "src", made.tree(parts={"all": 3}))
    for part in ("train", "test"):
        (tmp_path / "set" / part).mkdir(parents=True)
        for name in ("cat", "dog"):
            os.symlink(tmp_path / "src" / "all" / name, tmp_path / "set" / part / name)
    task = load(tmp_path / "set")
    assert task.split.sizes == {"train": 5, "val": 1, "test": 6}
    (concern,) = [text for text in task.data_warnings() if "same pixels" in text]
    assert concern.startswith("6 images have the same pixels as an image in another split (e.g.")
    assert (
        "'test/cat' and 'train/cat' are links to the same folder" in task.overview()["assumptions"]
    )
