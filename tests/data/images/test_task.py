import itertools

import numpy as np
import pytest
import torch

from gnnvision import Grid
from gnnvision.data import Augment, Split, load, stratified_split

from . import made


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def numbers(x, task):
    """The numbers of the pictures in a batch, by their first pixel."""
    mean, std = task.mean[0], task.std[0]
    return (255 * (x[:, 0, 0, 0].double() * std + mean)).round().long()


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_without_a_generator_all_are_given_in_order_as_they_are(part):
    task = made.task(augment=Augment(crop=2, flip="random", cutout=3))
    index = torch.from_numpy(np.array(getattr(task.split, part)))
    x, domain, y = (list(v) for v in zip(*task.batches(part, batch_size=7), strict=True))
    assert torch.cat(y).equal(task.y[index])
    assert torch.cat(x).equal(task.normalize(task.images[index]))
    assert set(domain) == {Grid((8, 8))}


@pytest.mark.parametrize("part", ["val", "test"])
def test_only_training_is_ever_shuffled_or_augmented(part):
    task = made.task(augment=Augment(crop=2, flip="alternating", brightness=0.5))
    plain = torch.cat([x for x, _, _ in task.batches(part)])
    generator = drawn()
    again = torch.cat([x for x, _, _ in task.batches(part, 3, generator, epoch=1)])
    assert again.equal(plain)
    assert generator.get_state().equal(drawn().get_state())


def test_labels_stay_with_their_pictures():
    task = made.task(n=60, classes=10)
    seen = []
    for x, _, y in task.batches("train", 8, drawn()):
        assert y.equal(task.y[numbers(x, task)])
        seen.append(numbers(x, task))
    order = torch.cat(seen)
    assert sorted(order.tolist()) == task.split.train.tolist()
    assert order.tolist() != task.split.train.tolist()


def test_pictures_keep_their_labels_through_augmentation():
    """Two classes of one color each, bright and dark, whatever is done to them."""
    y = torch.arange(40) % 2
    images = (60 + 120 * y).to(torch.uint8).view(40, 1, 1, 1).expand(40, 3, 8, 8)
    augment = Augment(crop=2, flip="random", rotation=9, brightness=0.2, resized_crop=(0.5, 1))
    task = made.task(images=images, augment=augment)
    for x, _, y in task.batches("train", 5, drawn()):
        assert ((x.mean((1, 2, 3)) > 0) == (y == 1)).all()


def test_the_same_generator_gives_the_same_and_goes_on():
    task = made.task(augment=Augment(crop=2, flip="random"))
    first, again = (list(task.batches("train", 6, drawn(3))) for _ in range(2))
    assert all(a[0].equal(b[0]) and a[2].equal(b[2]) for a, b in zip(first, again, strict=True))
    generator = drawn(3)
    one = torch.cat([x for x, _, _ in task.batches("train", 6, generator)])
    two = torch.cat([x for x, _, _ in task.batches("train", 6, generator)])
    assert not one.equal(two)


@pytest.mark.parametrize("skipped", [1, 3])
def test_skipping_batches_leaves_the_rest_as_it_was(skipped):
    task = made.task(augment=Augment(crop=2, flip="random", cutout=2, rotation=5))
    whole = list(task.batches("train", 6, drawn()))
    rest = list(itertools.islice(task.batches("train", 6, drawn()), skipped, None))
    assert len(rest) == len(whole) - skipped
    assert all(a[0].equal(b[0]) for a, b in zip(whole[skipped:], rest, strict=True))


def test_alternating_flips_show_both_sides_in_two_epochs():
    task = made.task(augment=Augment(flip="alternating"))

    def epoch(number, seed=0):
        task_ = task.with_seed(seed)
        flipped = {}
        for pictures, chosen in task_.image_batches("train", 6, drawn(number), number):
            for picture, n in zip(pictures, chosen.tolist(), strict=True):
                plain = picture.equal(task.images[n])
                assert plain or picture.flip(2).equal(task.images[n])
                flipped[n] = not plain
        return flipped

    first, second, third = epoch(0), epoch(1), epoch(2)
    assert all(first[n] != second[n] for n in first)
    assert first == third
    assert 0 < sum(first.values()) < len(first)
    assert epoch(0, seed=1) != first


@pytest.mark.parametrize(
    ("size", "sizes"), [(23, [24]), (11, [11, 11, 2]), (7, [7, 7, 7, 3]), (1, [1] * 22 + [2])]
)
def test_a_single_picture_joins_the_batch_before(size, sizes):
    task = made.task()  # 24 pictures train
    assert [len(y) for _, _, y in task.batches("train", size, drawn())] == sizes


def test_batches_of_their_own_size():
    task = made.task(n=250, split=Split("public", range(200), [], range(200, 250)))
    assert [len(y) for _, _, y in task.batches("train", None, drawn())] == [128, 72]
    assert [len(y) for _, _, y in task.batches("train")] == [200]
    ((x, _, y),) = task.batches("val")  # of an empty part, so that outputs have a shape
    assert (tuple(x.shape), tuple(y.shape)) == ((0, 3, 8, 8), (0,))


def test_pixels_are_normalised_in_channels_last_memory():
    task = made.task(mean=(0.1, 0.5, 0.9), std=(0.2, 0.3, 0.4))
    ((x, _, _),) = task.batches("test")
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    pictures = task.images_at(torch.from_numpy(task.split.test.copy()))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (task.mean, task.std))
    torch.testing.assert_close(x, (pictures / 255 - mean) / std, atol=1e-5, rtol=1e-5)


def test_gray_pictures():
    task = made.task(channels=1, size=(6, 5), augment=Augment(crop=1, flip="random"))
    for x, grid, _ in task.batches("train", 4, drawn()):
        assert tuple(x.shape) == (4, 1, 6, 5)
        assert grid == Grid((6, 5))


def test_a_smaller_crop_is_cut_from_the_middle_at_evaluation():
    task = made.task(augment=Augment(resized_crop=(0.5, 1.0), size=(4, 6)))
    assert task.grid == Grid((4, 6))
    ((x, grid, _),) = task.batches("test")
    assert tuple(x.shape[2:]) == grid.shape == (4, 6)
    chosen = torch.from_numpy(task.split.test.copy())
    assert x.equal(task.normalize(task.images[chosen][:, :, 2:6, 1:7]))
    assert task.images_at(chosen).equal(task.images[chosen][:, :, 2:6, 1:7])
    for x, _, _ in task.batches("train", 6, drawn()):
        assert tuple(x.shape[2:]) == (4, 6)


def test_augment_is_swapped():
    task = made.task()
    augment = Augment(crop=1)
    assert task.with_augment(augment).augment is augment
    assert task.with_augment(augment).images is not None
    assert task.augment is None
    with pytest.raises(ValueError, match="'crop' must be below the image size"):
        task.with_augment(Augment(crop=8))


def test_with_seed_draws_a_random_split_and_its_statistics():
    public = made.task()
    assert public.with_seed(0) is public
    assert public.with_seed(4).seed == 4
    assert public.with_seed(4).split == public.split
    y = made.task().y.numpy()
    task = made.task(
        split=Split("random", range(30), range(30, 35), range(35, 40)),
        splitter=lambda seed: stratified_split(y, seed, 8, 8),
    )
    one, two = task.with_seed(1), task.with_seed(2)
    assert one.split.sizes == {"train": 24, "val": 8, "test": 8}
    assert one.split == task.with_seed(1).split != two.split
    x = task.images[torch.from_numpy(one.split.train.copy())].double() / 255
    assert one.mean == pytest.approx(x.mean((0, 2, 3)).tolist())
    assert one.std == pytest.approx(x.std((0, 2, 3), correction=0).tolist())


def test_a_read_only_file_in_memory_stays_as_it_is(tmp_path):
    array = made.task().images.permute(0, 2, 3, 1).numpy()
    np.save(tmp_path / "x.npy", array)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c")
    task = made.task(images=torch.from_numpy(mapped).permute(0, 3, 1, 2))
    assert task.images.data_ptr() == mapped.ctypes.data
    task = task.with_augment(Augment(crop=2, flip="random", cutout=3))
    list(task.batches("train", 6, drawn()))
    assert (np.load(tmp_path / "x.npy") == array).all()


def test_to_a_device():
    task = made.task()
    assert task.to("cpu") is task


@pytest.mark.gpu
def test_batches_on_a_gpu():
    task = made.task(augment=Augment(crop=2, flip="alternating", cutout=2))
    here = list(task.batches("train", 6, drawn()))
    there = list(task.to("cuda").batches("train", 6, drawn()))
    for (x, _, y), (x_, _, y_) in zip(here, there, strict=True):
        assert x_.is_cuda
        assert x_.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(x_.cpu(), x)
        assert y_.cpu().equal(y)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (("dev",), "'split' must be one of 'train', 'val', 'test', got 'dev'"),
        (("train", 0), "'batch_size' must be at least 1, got 0"),
    ],
)
def test_batches_that_cannot_be(call, fault):
    with pytest.raises(ValueError, match=fault):
        next(iter(made.task().batches(*call)))


@pytest.mark.parametrize(
    ("changes", "kind", "fault"),
    [
        ({"images": torch.zeros(40, 3, 8, 8)}, TypeError, "'images' must be uint8"),
        ({"y": torch.zeros(40)}, TypeError, "'y' must be int64 for kind='classification', got"),
        ({"in_channels": 1}, ValueError, r"'images' must have shape \(N, in_channels=1, H, W\)"),
        ({"y": torch.zeros(3, dtype=torch.int64)}, ValueError, r"'y' must have shape \(N=40,\)"),
        ({"y": torch.arange(40)}, ValueError, "'y' must have labels from 0 to 1, got 0 to 39"),
        ({"y": torch.arange(40) - 1}, ValueError, "'y' must have labels from 0 to 1, got -1"),
        ({"mean": (0.5,)}, ValueError, "'mean' and 'std' must have 3 values"),
        ({"std": (0.5, 0, 1)}, ValueError, "'std' above 0"),
        (
            {"split": Split("public", [40], [], [])},
            ValueError,
            "'train' must contain only indices below",
        ),
        ({"augment": Augment(cutout=9)}, ValueError, "'cutout' must be at most the image size"),
    ],
)
def test_sizes_that_disagree(changes, kind, fault):
    with pytest.raises(kind, match=fault):
        made.task(**changes)


def test_coarse_batches_are_the_same_pictures_with_less_detail():
    task = load("digits")
    coarse = task.low_resolution()
    fine = next(iter(task.batches("train", 20, torch.Generator().manual_seed(0))))
    small = next(iter(coarse.batches("train", 20, torch.Generator().manual_seed(0))))
    assert small[0].shape == (20, 1, 6, 6)
    assert small[1].shape == coarse.grid.shape == (6, 6)
    assert torch.equal(fine[2], small[2])
    torch.testing.assert_close(small[0].mean((2, 3)), fine[0].mean((2, 3)), atol=0.15, rtol=0)
    assert coarse.input_description() == task.input_description()
    assert torch.equal(coarse.images_at([0]), task.images_at([0]))


def test_pictures_are_asked_for_by_any_list_of_numbers():
    task = made.task()
    part = task.split.test  # an array that cannot be written to
    wanted = task.images[part.tolist()]
    for numbers in (part, part.tolist(), torch.from_numpy(part.copy())):
        assert torch.equal(task.images_at(numbers), wanted)
