import re

import numpy as np
import pytest

from gnnvision.data import SplitRule
from gnnvision.data.images.splits import image_split, rules_for

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
        ((40, 8, 12), 8, 12, "The folder's own validation part validates; the folder's own test"),
        ((48, 0, 12), 5, 12, "A tenth of the training part, 5 pictures drawn once, validates;"),
        ((60, 0, 0), 6, 6, "A tenth .* 6 pictures drawn once, validates; a tenth of the training"),
    ],
)
def test_rules_of_a_folder(sizes, num_val, num_test, words):
    rules = rules_for(part(*sizes))
    assert set(rules) == {"public", "full", "random"}
    assert (rules["public"].num_val, rules["public"].num_test) == (num_val, num_test)
    assert re.match(words, rules["public"].description)
