import numpy as np
import torch

from gnnvision.data import Augment, Split

from . import made


def drawn():
    return torch.Generator().manual_seed(0)


def test_the_picture_is_its_own_target():
    task = made.task().reconstruction()
    assert (task.kind, task.in_channels, task.num_outputs) == ("regression", 3, 3)
    assert task.class_names == ("red", "green", "blue")
    assert made.task(channels=1).reconstruction().class_names == ("gray",)
    ((x, grid, y),) = task.batches("test")
    pictures = task.source.images_at(np.array(task.split.test))
    assert y.equal(pictures.float() / 255)
    assert 0 <= y.min() <= y.max() <= 1
    assert grid == task.source.grid
    torch.testing.assert_close(x, (y - 0.5) / 0.25, atol=1e-5, rtol=1e-5)


def test_an_augmented_picture_too():
    task = made.task(augment=Augment(crop=2, flip="alternating", cutout=3)).reconstruction()
    for x, _, y in task.batches("train", 6, drawn(), epoch=1):
        torch.testing.assert_close(x, (y - 0.5) / 0.25, atol=1e-5, rtol=1e-5)
    source = task.source.batches("train", 6, drawn(), epoch=1)
    assert next(iter(task.batches("train", 6, drawn(), epoch=1)))[0].equal(next(source)[0])


def test_seed_and_device_are_those_of_the_pictures():
    task = made.task(split=Split("random", range(20), [], [30])).reconstruction()
    assert task.with_seed(3).split == task.source.with_seed(3).split
    assert task.with_seed(3).seed == 3
    assert task.to("cpu") is task
