import numpy as np
import pytest

from gnnvision.data import ChecksumError, DataNotFound, describe
from gnnvision.data.images.idx import parse_idx, read_idx_set

from .. import made as graphs
from . import made


def card():
    names = [
        f"{p}-{k}-ubyte.gz" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")
    ]
    files = tuple(graphs.DataFile(name) for name in names)
    classes = tuple("0123456789")
    return graphs.card("tiny", folder="Tiny/raw", files=files, class_names=classes, kind="image")


def check(arrays, files):
    images = np.concatenate([files["train"][0], files["t10k"][0]])
    np.testing.assert_array_equal(arrays.images[..., 0], images)
    np.testing.assert_array_equal(arrays.y, np.concatenate([files["train"][1], files["t10k"][1]]))
    assert arrays.split.tolist() == [0] * 20 + [2] * 10


def test_unpacked_files(tmp_path):
    files = made.write_idx(tmp_path / "Tiny" / "raw")
    check(read_idx_set(card(), tmp_path, download=False), files)


@pytest.mark.filterwarnings("ignore:The files of 'tiny'.*could not be verified")
def test_packed_files(tmp_path):
    files = made.write_idx(tmp_path / "Tiny" / "raw", packed=True)
    check(read_idx_set(card(), tmp_path, download=False), files)


def test_packed_files_are_compared_with_the_card(tmp_path):
    made.write_idx(tmp_path / "MNIST" / "raw", packed=True)
    with pytest.raises(ChecksumError, match=r"train-images-idx3-ubyte.gz must have the SHA-256"):
        read_idx_set(describe("mnist"), tmp_path, download=False)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataNotFound, match=r"t10k-labels-idx1-ubyte.gz  \(https://") as caught:
        read_idx_set(describe("fashion_mnist"), tmp_path, download=False)
    assert caught.value.folder == tmp_path / "FashionMNIST" / "raw"


IMAGES = made.idx(np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (IMAGES[:-1], r"x must have 40 bytes for its shape \(2, 3, 4\), got 39. It is truncated"),
        (IMAGES + b"1", "must have 40 bytes .* got 41"),
        (IMAGES[:10], "must be an idx file of bytes with 3 dimensions"),
        (made.idx(np.zeros(3)), "must be an idx file of bytes with 3 dimensions"),
        (b"\x1f\x8b" + IMAGES, "must be an idx file .* begins with b'"),
        (b"", "must be an idx file"),
        (IMAGES[:4] + b"\xff" * 12 + IMAGES[16:], "must have 792281\\d+ bytes"),
    ],
)
def test_a_damaged_idx_file(data, fault):
    with pytest.raises(ValueError, match=fault):
        parse_idx(data, "x", 3)


def test_labels_out_of_range(tmp_path):
    folder = tmp_path / "Tiny" / "raw"
    made.write_idx(folder)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(made.idx(np.array([0] * 9 + [10])))
    with pytest.raises(
        ValueError, match="t10k-labels-idx1-ubyte must have labels from 0 to 9, got 10"
    ):
        read_idx_set(card(), tmp_path, download=False)


def test_files_that_do_not_fit_one_another(tmp_path):
    folder = tmp_path / "Tiny" / "raw"
    made.write_idx(folder)
    (folder / "train-labels-idx1-ubyte").write_bytes(made.idx(np.zeros(19)))
    with pytest.raises(ValueError, match="must have the same length, got 20 and 19"):
        read_idx_set(card(), tmp_path, download=False)
    made.write_idx(folder)
    (folder / "t10k-images-idx3-ubyte").write_bytes(made.idx(np.zeros((10, 27, 28))))
    with pytest.raises(
        ValueError, match=r"must have the same size, got \(28, 28\) and \(27, 28\)"
    ):
        read_idx_set(card(), tmp_path, download=False)


@pytest.mark.filterwarnings("ignore:The files of 'tiny'.*could not be verified")
def test_a_packed_file_that_is_cut_short(tmp_path):
    folder = tmp_path / "Tiny" / "raw"
    made.write_idx(folder, packed=True)
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz is damaged"):
        read_idx_set(card(), tmp_path, download=False)
