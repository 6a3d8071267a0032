from pathlib import Path

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import Augment, DataNotFound, ImageTask, load, load_auto

from .. import made_files
from . import made


@pytest.fixture
def pets(tmp_path):
    return made_files.write(tmp_path / "pets", made.tree(parts={"train": 10, "test": 3}))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_by_its_path(pets, kind):
    task = load(kind(pets))
    assert isinstance(task, ImageTask)
    assert (task.name, task.requested, task.kind) == ("pets", str(pets), "classification")
    assert (task.class_names, task.in_channels, task.grid) == (
        ("cat", "dog"),
        3,
        gv.Grid((10, 12)),
    )
    assert task.split.sizes == {"train": 18, "val": 2, "test": 6}
    assert all(task.item_names[i].startswith("test/") for i in task.split.test)
    assert task.scan.is_valid
    x = task.images[torch.from_numpy(task.split.train.copy())].double() / 255
    assert task.mean == pytest.approx(x.mean((0, 2, 3)).tolist())
    assert len(task.data_hash) == 64


def test_a_folder_below_the_data_root_or_here(pets, monkeypatch):
    there = load("pets", root=pets.parent)
    monkeypatch.chdir(pets.parent)
    assert load("pets").data_hash == there.data_hash
    assert load("./pets").name == "pets"
    monkeypatch.chdir(pets)
    assert load(".").name == "pets"


def test_options_for_pictures(pets):
    task = load(pets, image_size=(6, 8), channels=1, augment=Augment(crop=1), split="full")
    assert (task.grid, task.in_channels, task.augment.crop) == (gv.Grid((6, 8)), 1, 1)
    assert task.split.sizes == {"train": 20, "val": 0, "test": 6}
    random = load(pets, split="random", seed=3)
    assert random.split.sizes == {"train": 18, "val": 2, "test": 6}
    assert random.with_seed(4).split == load(pets, split="random", seed=4).split
    assert random.with_seed(4).mean == pytest.approx(load(pets, split="random", seed=4).mean)


def test_a_folder_without_parts(tmp_path):
    files = {f"{c}/{n}.png": made.encoded(made.pixels(20 * s + n)) for s, c in enumerate("abc")
             for n in range(20)}  # fmt: skip
    task = load(made_files.write(tmp_path / "set", files))
    assert task.split.sizes == {"train": 48, "val": 6, "test": 6}
    assert np.bincount(task.y[torch.from_numpy(task.split.test.copy())]).tolist() == [2, 2, 2]
    assert "a tenth of the training images (6)" in task.card.splits["public"].description


@pytest.mark.parametrize("ending", ["tar.gz", "zip"])
def test_an_archive_by_its_path(tmp_path, ending):
    path = tmp_path / f"pets.{ending}"
    write = made_files.write_zip if ending == "zip" else made_files.write_tar
    assert load(write(path, {f"pets/{k}": v for k, v in made.tree().items()})).name == "pets"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"train/cat/0.png": b""}, "All images must be valid, got 'train/cat/0.png'"),
        ({"train/owl/notes.txt": b"x"}, "must have images, got none in 'train/owl'"),
    ],
)
def test_a_folder_with_a_fault(pets, changes, fault):
    made_files.write(pets, changes)
    with pytest.raises(ValueError, match=fault):
        load(pets)


def test_a_path_that_leads_nowhere(pets):
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'pets' in"):
        load(pets.parent / "petz")
    with pytest.raises(ValueError, match="'split' must be one of 'public', 'full', 'random'"):
        load(pets, split="mine")


@pytest.mark.filterwarnings("ignore:These are not the published files")
def test_idx_sets(tmp_path):
    made.write_idx(tmp_path / "MNIST" / "raw", train=100, test=20)
    files = made.write_idx(tmp_path / "FashionMNIST" / "raw", train=100, test=20)
    few = load("mnist", root=tmp_path)  # too few to hold 5,000 out
    assert few.split.sizes == {"train": 90, "val": 10, "test": 20}
    assert few.card.splits["public"].description.startswith(
        "Validation: a tenth of the training images"
    )
    task = load("Fashion-MNIST", root=tmp_path, split="full")
    assert (task.name, task.requested) == ("fashion_mnist", "Fashion-MNIST")
    assert task.class_names[9] == "Ankle boot"
    np.testing.assert_array_equal(task.images[:100, 0], files["train"][0])
    wide = load("fashion_mnist", root=tmp_path, split="full", image_size=32, channels=3)
    assert tuple(wide.images.shape) == (120, 3, 32, 32)


def test_files_that_are_not_the_published_ones_are_said_so(tmp_path):
    made.write_idx(tmp_path / "MNIST" / "raw")
    with pytest.warns(UserWarning, match="not the published files of MNIST: num_train 20, not 6"):
        load("mnist", root=tmp_path, split="full")


CLASSES = gv.data.describe("cifar10").class_names


@pytest.mark.filterwarnings("ignore:These are not the published files")
def test_cifar_takes_the_original_files_else_the_jpeg_tree_and_says_which(tmp_path):
    with pytest.raises(DataNotFound, match=r"cifar-10-python.tar.gz"):
        load("cifar10", root=tmp_path, download=False)
    with pytest.raises(DataNotFound, match=r"cifar10-images.tar.gz"):
        load("cifar10-jpeg", root=tmp_path)
    tree = made.tree(classes=CLASSES, parts={"train": 2, "test": 1}, size=(32, 32))
    made_files.write_tar(tmp_path / "cifar10-images.tar.gz", tree)
    for name in ("cifar10", "cifar10-jpeg"):
        task = load(name, root=tmp_path, split="full")
        assert (task.name, task.requested) == ("cifar10-jpeg", name)
        assert task.card.title == "CIFAR-10 (JPEG tree)"
        assert not task.card.paper
        assert task.split.sizes == {"train": 20, "val": 0, "test": 10}
    batches = {f"data_batch_{n}": made.cifar_batch(seed=n)[1] for n in range(1, 6)}
    batches["test_batch"] = made.cifar_batch(seed=6)[1]
    made_files.write(tmp_path / "cifar-10-batches-py", batches)
    task = load("cifar10", root=tmp_path, split="full")
    assert (task.name, task.card.title) == ("cifar10", "CIFAR-10")
    assert load("cifar10-jpeg", root=tmp_path, split="full").name == "cifar10-jpeg"


def test_another_tree_under_cifars_name(tmp_path):
    made_files.write_tar(tmp_path / "cifar10-images.tar.gz", made.tree())
    with pytest.raises(ValueError, match=r"must have the classes airplane, .* got cat, dog"):
        load("cifar10", root=tmp_path)


@pytest.mark.parametrize("call", [lambda **k: load("auto:cifar10", **k),
                                  lambda **k: load_auto("cifar10", **k),
                                  lambda **k: load_auto("mnist", "digits", **k)])  # fmt: skip
def test_auto_falls_back_to_the_digits_and_says_so(tmp_path, call):
    with pytest.warns(UserWarning, match=r"THIS IS NOT .*: running on 'Handwritten digits"):
        task = call(root=tmp_path, download=False)
    assert (task.name, task.requested) == ("digits", "auto")


def test_the_real_fashion_mnist(real_data):
    task = load("fashion_mnist", root=real_data, download=False)
    assert task.split.sizes == {"train": 55000, "val": 5000, "test": 10000}
    full = load("fashion_mnist", root=real_data, download=False, split="full")
    assert full.mean == pytest.approx((0.2860,), abs=1e-4)
    assert full.std == pytest.approx((0.3530,), abs=1e-4)
    assert np.bincount(task.y[torch.from_numpy(task.split.val.copy())]).tolist() == [500] * 10
    x, _, _ = next(iter(task.batches("train", 1000)))
    assert abs(float(x.mean())) < 0.05


@pytest.mark.slow
def test_the_real_cifar_tree(real_data, monkeypatch):
    first = load("cifar10", root=real_data, download=False)
    assert (first.name, first.card.title) == ("cifar10-jpeg", "CIFAR-10 (JPEG tree)")
    assert first.split.sizes == {"train": 45000, "val": 5000, "test": 10000}
    assert np.bincount(first.y).tolist() == [6000] * 10
    assert first.scan.is_valid
    again = load("cifar10", root=real_data, download=False, split="full")
    assert again.data_hash == first.data_hash
    assert again.split.sizes == {"train": 50000, "val": 0, "test": 10000}


@pytest.mark.slow
def test_the_real_cats_and_dogs(real_data):
    task = load("cats_dogs", root=real_data)
    assert task.split.sizes == {"train": 347, "val": 38, "test": 98}
    assert np.bincount(task.y).tolist() == [231, 252]
    assert task.grid == gv.Grid((64, 64))
    assert task.scan.counts == {"wrong extension": 6}
