import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from gnnvision.data import ChecksumError, DataNotFound, UnsafePickleError, describe
from gnnvision.data.card import DataFile
from gnnvision.data.images import cifar as cifar_module
from gnnvision.data.images.cifar import decode_batch, read_cifar

from .. import made_files
from . import made

NAMES = (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")


@pytest.fixture
def batches():
    made_ = {name: made.cifar_batch(seed=n) for n, name in enumerate(NAMES)}
    return {name: data for name, (data, _) in made_.items()}, {
        f"cifar-10-batches-py/{name}": content for name, (_, content) in made_.items()
    }


def check(arrays, pixels):
    images = np.concatenate([pixels[name] for name in NAMES]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(arrays.images.transpose(0, 3, 1, 2), images)
    assert arrays.y.tolist() == list(range(10)) * 12
    assert arrays.split.tolist() == [0] * 100 + [2] * 20
    assert arrays.names[3] == "picture_s_000003.png"


def test_the_unpacked_folder(tmp_path, batches):
    pixels, files = batches
    made_files.write(tmp_path, files)
    check(read_cifar(describe("cifar10"), tmp_path, download=False), pixels)


def test_the_folder_is_decoded_once(tmp_path, batches, monkeypatch):
    pixels, files = batches
    made_files.write(tmp_path, files)
    read_cifar(describe("cifar10"), tmp_path, download=False)
    monkeypatch.setattr(cifar_module, "decode_batch", None)
    check(read_cifar(describe("cifar10"), tmp_path, download=False), pixels)


@pytest.mark.filterwarnings("ignore:The files of 'cifar10'.*could not be verified")
def test_the_archive(tmp_path, batches):
    pixels, files = batches
    made_files.write_tar(tmp_path / "cifar-10-python.tar.gz", files)
    with pytest.raises(ChecksumError, match=r"cifar-10-python.tar.gz must have the SHA-256 6d958"):
        read_cifar(describe("cifar10"), tmp_path, download=False)
    unknown = replace(describe("cifar10"), files=(DataFile("cifar-10-python.tar.gz"),))
    check(read_cifar(unknown, tmp_path, download=False), pixels)
    del files["cifar-10-batches-py/data_batch_3"]
    made_files.write_tar(tmp_path / "cifar-10-python.tar.gz", files)
    with pytest.raises(ValueError, match="must contain 'data_batch_3'"):
        read_cifar(unknown, tmp_path, download=False)


def test_missing_files(tmp_path):
    with pytest.raises(DataNotFound, match=r"cifar-10-python.tar.gz  \(https://www.cs.toronto"):
        read_cifar(describe("cifar10"), tmp_path, download=False)


@pytest.mark.parametrize("protocol", [2, 4])
def test_batches_written_by_python_3(protocol):
    data = np.zeros((3, 3072), dtype=np.uint8)
    content = {b"data": data, b"labels": [0, 1, 9], "filenames": ["a", "b", "c"]}
    if protocol == 2:  # bytes of Python 3 ask for a codec in old protocols
        content = {"data": data, "labels": [0, 1, 9], "filenames": ["a", "b", "c"]}
        protocol = 3
    images, y, names = decode_batch(pickle.dumps(content, protocol), "x", 10)
    assert images.shape == (3, 32, 32, 3)
    assert y.tolist() == [0, 1, 9]
    assert names == ["a", "b", "c"]


def test_an_attack_in_a_batch_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    content = {"data": np.zeros((1, 3072), dtype=np.uint8), "labels": [0], "more": Evil()}
    with pytest.raises(UnsafePickleError, match=r"data_batch_1: The pickle uses (posix|nt)"):
        decode_batch(pickle.dumps(content, 3), "data_batch_1", 10)
    assert not (tmp_path / "ran").exists()


DATA = np.zeros((2, 3072), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"data": DATA, "labels": [0, 10]}, "x must have labels from 0 to 9, got 10"),
        ({"data": DATA, "labels": [-1, 0]}, "x must have labels from 0 to 9, got -1"),
        ({"data": DATA, "labels": [0]}, "x must have 'data', uint8 of shape .* N 'labels'"),
        ({"data": DATA[:, :-1], "labels": [0, 1]}, r"'data', uint8 of shape \(N, 3072\)"),
        ({"data": DATA.astype(np.int32), "labels": [0, 1]}, "x must have 'data', uint8"),
        ({"data": DATA, "labels": ["a", "b"]}, "and N 'labels'"),
        ({"data": DATA}, r"got \['data'\]"),
        ([1, 2], r"got \[\]"),
    ],
)
def test_a_batch_of_another_form(content, fault):
    pickled = made.plain_dict(content) if isinstance(content, dict) else b"\x80\x02]K\x01aK\x02a."
    with pytest.raises(ValueError, match=fault):
        decode_batch(pickled, "x", 10)


def test_every_truncation_is_an_error():
    _, whole = made.cifar_batch(2)
    for end in range(0, len(whole), 97):
        with pytest.raises(ValueError, match="x: The pickle is damaged"):
            decode_batch(whole[:end], "x", 10)
