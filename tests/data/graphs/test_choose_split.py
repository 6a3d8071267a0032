"""The split of labeled items: masks, one split for each seed, and random splits."""

import numpy as np
import pytest
import torch

from gnnvision.data import Split
from gnnvision.data.graphs.choose_split import choose_split
from gnnvision.data.graphs.labels import read_labels

N = 100
LABELS = read_labels([n % 2 if n < 90 else -1 for n in range(N)], N)


def masks(train, val, test):
    rows = {"train": train, "val": val, "test": test}
    return {name: torch.isin(torch.arange(N), torch.tensor(r)) for name, r in rows.items()}


def test_masks_become_the_split():
    chosen = choose_split(LABELS, masks=masks([1, 2], [3], [4, 5]))
    assert chosen.split == Split("masks", [1, 2], [3], [4, 5])
    assert chosen.splitter is None


def test_columns_of_masks_are_one_split_for_each_seed():
    first, second = masks([1, 2], [3], [4]), masks([5, 6], [7], [4])
    both = {name: torch.stack([first[name], second[name]], 1) for name in first}
    both["test"] = first["test"]  # one column is for all
    chosen = choose_split(LABELS, 1, masks=both)
    assert chosen.split == Split("", [5, 6], [7], [4])
    assert chosen.splitter(0) == Split("", [1, 2], [3], [4]) == chosen.splitter(2)
    assert chosen.notes["splits"].startswith("2 from the columns")


def test_a_missing_mask_is_empty_and_that_is_said():
    held = masks([1, 2], [3], [4])
    chosen = choose_split(LABELS, masks={"train": held["train"], "val": None, "test": None})
    assert chosen.split.sizes == {"train": 2, "val": 0, "test": 0}
    assert chosen.notes["masks"] == "no val_mask and no test_mask, so these splits are empty"


def test_without_masks_the_labeled_items_are_split_at_random():
    chosen = choose_split(LABELS, 0)
    assert chosen.split.sizes == {"train": 72, "val": 9, "test": 9}
    rows = np.concatenate([chosen.split.train, chosen.split.val, chosen.split.test])
    assert sorted(rows) == list(range(90)), "the unlabeled ones are in no split"
    assert (chosen.split.train % 2).sum() == 36
    assert chosen.splitter(0) == chosen.split
    assert chosen.splitter(1) != chosen.split
    assert "random, stratified by class" in chosen.notes["masks"]
    values = read_labels(np.linspace(0, 1, N), N)
    assert choose_split(values).split.sizes == {"train": 80, "val": 10, "test": 10}


@pytest.mark.parametrize("labeled", [0, 1, 2, 3, 5])
def test_few_labels(labeled):
    labels = read_labels([n % 2 for n in range(labeled)] + [-100] * 4, labeled + 4)
    sizes = choose_split(labels).split.sizes
    assert sum(sizes.values()) == labeled
    assert (sizes["train"] > 0) == (labeled > 0)


@pytest.mark.parametrize(
    ("change", "error", "fault"),
    [
        ({"val": [1, 3]}, ValueError, "'val_mask' must share no item with train_mask, got 1 in"),
        ({"train": None}, ValueError, "'data' must have a train_mask, got only val_mask, test"),
        ({"train": torch.ones(N)}, TypeError, "'train_mask' must be boolean, got float32"),
        ({"val": torch.arange(N)}, TypeError, "'val_mask' must be boolean, got int64.*Split"),
        ({"test": torch.ones(3, dtype=torch.bool)}, ValueError, "one row for each of the 100"),
    ],
)
def test_what_is_refused(change, error, fault):
    held = masks([1, 2], [3], [4])
    (name,) = change
    value = change[name]
    held[name] = masks(value, [], [])["train"] if isinstance(value, list) else value
    with pytest.raises(error, match=fault):
        choose_split(LABELS, masks=held)


def test_a_split_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="'split' must be a Split or None, got list"):
        choose_split(LABELS, split=[0.8, 0.1, 0.1])
    with pytest.raises(ValueError, match="only indices below 100"):
        choose_split(LABELS, split=Split("mine", [200], [], []))
