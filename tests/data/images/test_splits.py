import re

import numpy as np
import pytest

from gnnvision.data import SplitRule
from gnnvision.data.images.splits import check_classes, image_split, rules_for

Y = np.arange(60) % 3
RULE = SplitRule("made", num_val=9, num_test=12)


def part(*sizes):
    return np.repeat(np.arange(3, dtype=np.uint8), sizes)


def everything(split):
    return sorted([*split.train, *split.val, *split.test])


def test_public_holds_out_a_validation_part():
    split = image_split(Y, part(48, 0, 12), RULE, "public", 5)
    assert split.name == "public"
    assert split.test.tolist() == list(range(48, 60))
    assert split.sizes == {"train": 39, "val": 9, "test": 12}
    assert everything(split) == list(range(60))
    assert np.bincount(Y[split.val]).tolist() == [3, 3, 3]
    assert split == image_split(Y, part(48, 0, 12), RULE, "public", 6)  # whatever the seed


def test_published_parts_stay():
    split = image_split(Y, part(40, 8, 12), RULE, "public", 0)
    assert split.val.tolist() == list(range(40, 48))
    assert split.train.tolist() == list(range(40))


def test_without_parts_all_are_drawn():
    split = image_split(Y, part(60, 0, 0), RULE, "public", 0)
    assert split.sizes == {"train": 39, "val": 9, "test": 12}
    assert np.bincount(Y[split.test]).tolist() == [4, 4, 4]


@pytest.mark.parametrize("sizes", [(48, 0, 12), (40, 8, 12), (60, 0, 0)])
def test_full_trains_on_all_but_the_same_test_part(sizes):
    public = image_split(Y, part(*sizes), RULE, "public", 0)
    full = image_split(Y, part(*sizes), RULE, "full", 0)
    assert full.test.tolist() == public.test.tolist()
    assert full.sizes["val"] == 0
    assert everything(full) == list(range(60))


def test_random_draws_from_all():
    one, two = (image_split(Y, part(48, 0, 12), RULE, "random", seed) for seed in (1, 2))
    assert one.sizes == two.sizes == {"train": 39, "val": 9, "test": 12}
    assert one != two
    assert set(one.test) & set(range(48))


@pytest.mark.parametrize(
    ("sizes", "num_val", "num_test", "words"),
    [
        ((40, 8, 12), 8, 12, "Validation: the folder's own split. Test: the folder's own split"),
        ((48, 0, 12), 5, 12, "Validation: a tenth of the training images .5., drawn once"),
        (
            (60, 0, 0),
            6,
            6,
            "Validation: a tenth .* .6., drawn once.* Test: a tenth of the training",
        ),
    ],
)
def test_rules_of_a_folder(sizes, num_val, num_test, words):
    rules = rules_for(part(*sizes))
    assert set(rules) == {"public", "full", "random"}
    assert (rules["public"].num_val, rules["public"].num_test) == (num_val, num_test)
    assert re.match(words, rules["public"].description)


def test_classes_without_an_image_to_train_on_are_named():
    y = np.arange(12)
    split = image_split(y, part(12, 0, 0), SplitRule("made", num_val=1, num_test=1), "public", 0)
    names = tuple(f"c{label:02}" for label in y)
    with pytest.raises(
        ValueError, match=r"got 1 valid image in each of 'c00', .*'c07' and 4 more"
    ):
        check_classes(y, split, names)
    with pytest.raises(ValueError, match=r"got 0 valid images in each of 'gone'. Add images"):
        check_classes(
            Y, image_split(Y, part(60, 0, 0), RULE, "public", 0), ("a", "b", "c", "gone")
        )


def test_a_class_of_one_image_trains():
    y = np.array([0] * 20 + [1] * 20 + [2])
    for name in ("public", "full", "random"):
        rule = SplitRule("made", num_val=4, num_test=4)
        split = image_split(y, part(41, 0, 0), rule, name, 0)
        check_classes(y, split, ("a", "b", "c"))
        assert 40 in split.train
