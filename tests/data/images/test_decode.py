import numpy as np
import pytest
from PIL import Image

from gnnvision.data.images import decode as decode_module
from gnnvision.data.images.decode import DecodeOptions, common_size, decode_tree, scan_tree
from gnnvision.data.images.tree import read_tree
from gnnvision.data.sources import open_source

from .. import made_files
from . import made


@pytest.fixture
def tree_of(tmp_path):
    return lambda files: read_tree(open_source(made_files.write(tmp_path / "set", files)))


def test_pictures_of_one_size_are_kept_as_they_are(tree_of):
    files = made.tree(size=(7, 9))
    arrays = decode_tree(tree_of(files), DecodeOptions())
    assert arrays.images.shape == (12, 7, 9, 3)
    assert arrays.names == tuple(sorted(files))
    for name, picture, label, part in zip(
        arrays.names, arrays.images, arrays.y, arrays.split, strict=True
    ):
        seed = list(files).index(name)
        np.testing.assert_array_equal(picture, made.pixels(seed, (7, 9)))
        assert arrays.class_names[label] in name
        assert name.startswith(("train", "", "test")[part])
    assert arrays.scan.is_valid
    assert arrays.scan.sizes == ((7, 9), (7, 9))


def test_many_pieces_in_threads_keep_their_order(tree_of, monkeypatch):
    monkeypatch.setattr(decode_module, "_CHUNK", 2)
    files = made.tree(parts={"train": 20}, size=(4, 4))
    arrays = decode_tree(tree_of(files), DecodeOptions())
    for number, name in enumerate(sorted(files)):
        seed = list(files).index(name)
        np.testing.assert_array_equal(arrays.images[number], made.pixels(seed, (4, 4)))


def test_pictures_of_different_sizes_are_fitted(tree_of):
    files = made.tree(size=(7, 9)) | {"train/cat/0.png": made.encoded(made.pixels(0, (20, 8)))}
    tree = tree_of(files)
    assert common_size(tree) == (7, 7)
    arrays = decode_tree(tree, DecodeOptions())
    assert arrays.images.shape == (12, 7, 7, 3)
    assert arrays.scan.sizes == ((7, 9), (20, 8))


def test_the_usual_size_is_64(tree_of):
    files = made.tree(parts={"train": 2}, size=(80, 90))
    files["train/cat/0.png"] = made.encoded(made.pixels(0, (100, 90)))
    assert common_size(tree_of(files)) == (64, 64)


def test_the_shorter_side_is_resized_and_the_middle_taken(tree_of):
    """A picture with a ramp from left to right: its middle, half as fine."""
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (20, 1))  # (20, 60)
    files = {f"{name}/1.png": made.encoded(ramp) for name in "ab"}
    arrays = decode_tree(tree_of(files), DecodeOptions(size=(10, 10)))
    row = arrays.images[0, 5, :, 0].astype(int)
    assert np.abs(row - (82 + 8 * np.arange(10))).max() <= 1


def test_gray_and_color(tree_of):
    gray = made.tree(channels=1)
    assert decode_tree(tree_of(gray), DecodeOptions()).images.shape[3] == 1
    wide = decode_tree(tree_of(gray), DecodeOptions(channels=3)).images
    assert (wide[..., :1] == wide).all()
    mixed = gray | {"train/cat/0.png": made.encoded(made.pixels())}
    arrays = decode_tree(tree_of(mixed), DecodeOptions())
    assert arrays.images.shape[3] == 3
    number = arrays.names.index("train/dog/1.png")
    assert (arrays.images[number, ..., 0] == arrays.images[number, ..., 2]).all()
    assert decode_tree(tree_of(mixed), DecodeOptions(channels=1)).images.shape[3] == 1


def test_files_that_cannot_be_used_are_left_out_and_named(tree_of):
    files = made.tree()
    files["train/cat/1.png"] = b""
    files["train/dog/0.png"] = files["train/dog/0.png"][:60]
    files["test/cat/0.png"] = b"no picture"
    files["test/dog/0.png"] = made.huge_png()
    arrays = decode_tree(tree_of(files), DecodeOptions())
    assert len(arrays.images) == 8
    assert {f.path: f.kind for f in arrays.scan.invalid} == {
        "test/cat/0.png": "not an image",
        "test/dog/0.png": "oversized",
        "train/cat/1.png": "empty file",
        "train/dog/0.png": "truncated",
    }
    assert (arrays.scan.num_files, arrays.scan.num_valid) == (12, 8)
    for name, picture in zip(arrays.names, arrays.images, strict=True):
        np.testing.assert_array_equal(picture, made.pixels(list(files).index(name)))


def test_copies_in_two_classes_and_two_parts(tree_of):
    files = made.tree()
    files["train/dog/0.png"] = files["train/cat/0.png"]
    files["test/cat/0.png"] = files["train/cat/1.png"]
    files["train/cat/3.jpg"] = files["train/cat/2.png"]  # the same pixels in another file
    report = scan_tree(tree_of(files))
    assert [(f.path, f.kind) for f in report.findings] == [
        ("train/cat/1.png", "in two splits"),
        ("train/cat/3.jpg", "wrong extension"),
        ("train/cat/3.jpg", "duplicate"),
        ("train/dog/0.png", "in two classes"),
    ]
    assert report.leaks[1].reason == "'cat' and 'dog': same as train/cat/0.png"
    assert report.is_valid
    assert report == decode_tree(tree_of(files), DecodeOptions()).scan


def test_converted_pictures_are_counted_not_refused(tree_of):
    files = made.tree()
    image = Image.fromarray(made.pixels(50))
    files["train/cat/cmyk.tif"] = made.encoded(image.convert("CMYK"), "TIFF")
    files["train/cat/palette.png"] = made.encoded(image.quantize(7))
    files["train/cat/deep.png"] = made.encoded(np.ones((10, 12), dtype=np.uint16))
    report = scan_tree(tree_of(files))
    assert report.is_valid
    assert report.counts == {"CMYK": 1, "16-bit": 1, "palette": 1}
    assert len(report.converted) == 3


def test_nothing_readable(tree_of):
    files = {f"{name}/1.png": b"text" for name in "ab"}
    with pytest.raises(
        ValueError, match="must have images that can be decoded, got 2 invalid files"
    ):
        decode_tree(tree_of(files), DecodeOptions())


def test_too_much_for_memory(tree_of):
    with pytest.raises(ValueError, match="'image_size' must keep the images below 8 GiB"):
        decode_tree(tree_of(made.tree()), DecodeOptions(size=(20000, 20000)))
