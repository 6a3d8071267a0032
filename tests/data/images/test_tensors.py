import re

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import ImageTask, Split
from gnnvision.data.images import from_tensors


def bytes_of(n=30, size=(6, 7), channels=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, *size), generator=generator, dtype=torch.uint8)


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


ANIMALS = ["cat", "dog", "owl"] * 10


@pytest.mark.parametrize("form", ["torch", "numpy", "last", "float", "double last", "list",
                                  "read-only", "big-endian"])  # fmt: skip
def test_every_form_of_the_same_images_is_the_same_task(form):
    images = bytes_of()
    last = images.permute(0, 2, 3, 1)
    given = {
        "torch": images,
        "numpy": images.numpy(),
        "last": last.numpy(),
        "float": images / 255,
        "double last": (last.double() / 255).numpy(),
        "list": list(images),
        "read-only": read_only(images.numpy()),
        "big-endian": (images.numpy() / 255).astype(">f8"),
    }[form]
    task = ImageTask.from_tensors(given, ANIMALS)
    assert task.images.equal(images)
    assert (task.grid, task.in_channels, task.class_names) == (
        gv.Grid((6, 7)), 3, ("cat", "dog", "owl"),
    )  # fmt: skip
    assert task.data_hash == from_tensors(images, ANIMALS).data_hash


def test_grayscale_without_channels_and_statistics_of_the_training_split():
    images = bytes_of(channels=1)
    task = from_tensors(images[:, 0], ANIMALS)
    assert task.images.equal(images)
    train = images[torch.from_numpy(task.split.train.copy())].double() / 255
    assert task.mean == pytest.approx([float(train.mean())])
    assert task.std == pytest.approx([float(train.std(correction=0))])


def test_a_random_split_is_stratified_and_depends_on_the_seed():
    labels = ["rare"] * 10 + ["common"] * 90
    task = from_tensors(bytes_of(100), labels)
    assert task.split.sizes == {"train": 80, "val": 10, "test": 10}
    for name in ("val", "test"):
        assert [labels[i] for i in getattr(task.split, name)].count("rare") == 1
    assert task.with_seed(0) is task
    assert task.with_seed(3).split == from_tensors(bytes_of(100), labels, seed=3).split
    assert task.with_seed(3).split != task.split


@pytest.mark.parametrize("form", ["indices", "masks", "tensors", "dict", "words", "split"])
def test_a_split_of_ones_own_stays_for_every_seed(form):
    index = [np.arange(20), np.arange(20, 24), np.arange(24, 30)]
    masks = [np.isin(np.arange(30), part) for part in index]
    names = ("train", "val", "test")
    split = {
        "indices": index,
        "masks": masks,
        "tensors": [torch.from_numpy(mask) for mask in masks],
        "dict": dict(zip(names, index, strict=True)),
        "words": ["train"] * 20 + ["valid"] * 4 + ["Test"] * 6,
        "split": Split("mine", *index),
    }[form]
    task = from_tensors(bytes_of(), ANIMALS, split=split)
    assert task.split == Split("mine", *index)
    assert task.with_seed(5).split == task.split


@pytest.mark.parametrize(
    ("labels", "kind", "y", "names"),
    [
        ([0, 1, 2] * 10, "classification", [0, 1, 2] * 10, ("0", "1", "2")),
        (np.array(ANIMALS), "classification", [0, 1, 2] * 10, ("cat", "dog", "owl")),
        (["a", None, "b"] * 10, "classification", [0, -100, 1] * 10, ("a", "b")),
        (["a", float("nan"), "b"] * 10, "classification", [0, -100, 1] * 10, ("a", "b")),
        (torch.tensor([True, False] * 15), "classification", [1, 0] * 15, ("0", "1")),
        ([[0, 1], [1, 1]] * 15, "multilabel", [[0, 1], [1, 1]] * 15, ("target 0", "target 1")),
        (torch.tensor([[True], [False]] * 15), "multilabel", [[1], [0]] * 15, ("target",)),
        ([1.5, -2, 0] * 10, "regression", [[1.5], [-2], [0]] * 10, ("target",)),
        (np.array([[1.5, 3]] * 30), "regression", [[1.5, 3]] * 30, ("target 0", "target 1")),
    ],
)  # fmt: skip
def test_the_kind_of_the_labels_is_inferred(labels, kind, y, names):
    task = from_tensors(bytes_of(), labels)
    assert (task.kind, task.y.tolist(), task.class_names) == (kind, y, names)
    assert task.num_outputs == len(names)


def test_rows_with_a_single_one_are_settled_by_the_kind():
    rows = torch.eye(3)[torch.arange(30) % 3]
    with pytest.raises(ValueError, match="'labels' must be clearly one class or several labels"):
        from_tensors(bytes_of(), rows)
    assert from_tensors(bytes_of(), rows, kind="classification").y.tolist() == [0, 1, 2] * 10
    assert from_tensors(bytes_of(), rows, kind="multilabel").y.equal(rows)


def test_missing_labels_are_in_no_split_and_missing_targets_are_nan():
    labels = torch.tensor([0, 1, -100] * 10)
    task = from_tensors(bytes_of(), labels)
    used = np.concatenate([task.split.train, task.split.val, task.split.test])
    assert len(used) == 20
    assert (labels[used] >= 0).all()
    y = torch.tensor([[1.0, 5.0], [float("nan"), 2.0], [float("nan"), float("nan")]] * 10)
    task = from_tensors(bytes_of(), y, class_names=["age", "size"])
    used = np.concatenate([task.split.train, task.split.val, task.split.test])
    assert len(used) == 20
    assert not (used % 3 == 2).any()
    mean, std = task.target_statistics
    here = y[torch.from_numpy(task.split.train.copy())].double()
    assert mean.tolist() == pytest.approx(here.nanmean(0).tolist())
    assert float(std[0]) == 1.0  # every age is 1
    assert task.class_names == ("age", "size")


def test_batches_of_several_labels():
    rows = torch.randint(0, 2, (30, 4), generator=torch.Generator().manual_seed(1)).float()
    task = from_tensors(bytes_of(), rows, kind="multilabel")
    x, grid, y = next(iter(task.batches("train", 8)))
    assert (x.shape, grid, y.shape) == ((8, 3, 6, 7), gv.Grid((6, 7)), (8, 4))
    assert y.equal(rows[torch.from_numpy(task.split.train[:8].copy())])
    assert not task.is_labeled("train")
    assert task.target_statistics is None


IMAGES = bytes_of()
NAN = torch.full((30, 3, 6, 7), float("nan"))


@pytest.mark.parametrize(
    ("images", "labels", "options", "kind", "fault"),
    [
        ("a.png", ANIMALS, {}, TypeError, "'images' must be a tensor or an array of numbers"),
        (IMAGES[0, 0], ANIMALS, {}, ValueError, r"\(N, H, W\), got \(6, 7\)"),
        (IMAGES[:0], [], {}, ValueError, "'images' must not be empty"),
        (IMAGES.long(), ANIMALS, {}, TypeError, "got torch.int64. Convert pixels from 0 to 255"),
        (IMAGES.float(), ANIMALS, {}, ValueError, "got 0 to 255. Divide them by 255"),
        (IMAGES / 255 - 0.5, ANIMALS, {}, ValueError, "Undo the normalization"),
        (NAN, ANIMALS, {}, ValueError, "got NaN"),
        (IMAGES[:, :2], ANIMALS, {}, ValueError, "Pass layout='NCHW' or layout='NHWC'"),
        (IMAGES[..., :3], ANIMALS, {}, ValueError, "must have 1 or 3 channels, second or last"),
        ([IMAGES[0], IMAGES[0, :, 1:]], "ab", {}, ValueError, "'images' must have one shape"),
        (IMAGES, ANIMALS[:9], {}, ValueError, "'labels' must have the 30 images' length, got 9"),
        (IMAGES, ["a", 1] * 15, {}, TypeError, "'labels' must be all strings or all numbers"),
        (IMAGES, ["a"] * 30, {}, ValueError, "'labels' must have two or more classes"),
        (IMAGES, [1, 2] * 15, {}, ValueError, "got none of class '0', but labels up to 2"),
        (IMAGES, [-1, 1] * 15, {}, ValueError, "'labels' must be classes from 0, or -100"),
        (IMAGES, [0.5] * 30, {"kind": "classification"}, ValueError, "must be whole numbers"),
        (IMAGES, [[0, 2]] * 30, {"kind": "multilabel"}, ValueError, "must be 0, 1 or NaN"),
        (IMAGES, [float("inf")] * 30, {}, ValueError, "'labels' must be finite"),
        (IMAGES, [float("nan")] * 30, {}, ValueError, "'labels' must have values, got only NaN"),
        (IMAGES, ANIMALS, {"kind": "regression"}, ValueError, "must be numbers for kind="),
        (IMAGES, ANIMALS, {"kind": "classes"}, ValueError, "'kind' must be one of"),
        (IMAGES, ANIMALS, {"class_names": ["cat", "dog"]}, ValueError, "got 'owl'"),
        (IMAGES, ANIMALS, {"class_names": "cat"}, TypeError, "must be a sequence of names"),
        (IMAGES, [0, 1] * 15, {"class_names": ["a"]}, ValueError, "a name for each of 2 classes"),
        (IMAGES, ANIMALS, {"split": "scaffold"}, ValueError, "'split' must be one of 'random'"),
        (IMAGES, ANIMALS, {"split": [[0]]}, ValueError, "must have three masks or index arrays"),
        (IMAGES, ANIMALS, {"split": 3}, TypeError, "'split' must be a split"),
        (IMAGES, ANIMALS, {"split": ["train", "tset"] * 15}, ValueError, "got 'tset' in row 1"),
        (IMAGES, ANIMALS, {"split": [[0, 1], [1], [2]]}, ValueError, "share no index"),
        (IMAGES, [0, 1, -100] * 10, {"split": [[0, 1, 2], [3], [4]]}, ValueError,
         "'split' must have only images with a label in each split, got 1 without in 'train'"),
        (IMAGES, ANIMALS, {"item_names": ["a"]}, ValueError, "'item_names' must name all 30"),
    ],
)  # fmt: skip
def test_what_is_no_task_is_refused_in_a_sentence(images, labels, options, kind, fault):
    with pytest.raises(kind, match=fault) as error:
        from_tensors(images, labels, **options)
    assert re.fullmatch(r"[^\n]{10,300}", str(error.value))


def test_other_numbers_of_channels_by_their_layout():
    assert from_tensors(IMAGES[:, :2], ANIMALS, layout="NCHW").in_channels == 2
    assert from_tensors(IMAGES[:, :2], ANIMALS, layout="NHWC").in_channels == 7
