"""The summary of a task before training, and warnings about its split."""

import pytest
import torch

from gnnvision.data import Split, load
from gnnvision.data.overview import describe_split, describe_targets, join_names, split_warnings

NAN = float("nan")
SPLIT = Split("mine", train=[0, 1, 2, 3], val=[4, 5, 6, 7], test=[8, 9, 10, 11])
USELESS = "its metrics are undefined or uninformative"
ADVICE = "Choose another split or seed, or other targets."


def column(*values):
    return torch.tensor(values)[:, None]


def test_a_split_in_words():
    assert describe_split(SPLIT, 3) == "'mine' (seed 3): 4 training, 4 validation, 4 test"


def test_classes_are_counted_in_each_part():
    y = torch.tensor([0, 0, 1, -100, 1, 1, 0, 1, 1, 1, 1, 1])
    assert describe_targets("classification", y, ("no", "yes"), SPLIT) == {
        "task": "classification into 2 classes",
        "classes": "items (training / validation / test): 'no' 3 (2 / 1 / 0); "
        "'yes' 8 (1 / 3 / 4); 1 item unlabeled",
    }


def test_values_have_a_range_and_a_unit():
    y = column(-1.5, 2, NAN, *[0.0] * 9)
    assert describe_targets("regression", y, ("logS",), SPLIT, "log mol/L") == {
        "task": "regression, 1 target",
        "targets": "'logS': -1.5 to 2 log mol/L (11 values)",
    }


def test_labels_have_positives_in_each_part():
    y = column(0, 1, NAN, 1, *[0.0] * 4, 1, 1, 0, NAN)
    assert describe_targets("multilabel", y, ("act",), SPLIT)["targets"] == (
        "'act': 4 of 10 labels are positive (training 2 of 3, validation 0 of 4, test 2 of 3)"
    )
    many = describe_targets("multilabel", y.expand(-1, 14), [f"t{n}" for n in range(14)], SPLIT)
    assert many["targets"].endswith("'t11': 4 of 10 labels are positive; and 2 more")


def test_targets_that_cannot_be_counted_are_named():
    assert describe_targets("regression", None, ("gray",), SPLIT) == {"task": "regression: gray"}
    assert split_warnings("regression", None, ("gray",), SPLIT) == []
    assert join_names("abcdefghijklmno") == "a, b, c, d, e, f, g, h, i, j, k, l and 3 more"


@pytest.mark.parametrize(
    ("kind", "y", "expected"),
    [
        ("classification", [0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1], []),
        (
            "classification",
            [0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1],
            [
                "The validation split has a single class, 'b' (4 items): "
                f"{USELESS}, and it cannot select a checkpoint. {ADVICE}"
            ],
        ),
        (
            "classification",
            [1, 1, 1, 1, 0, 1, 0, 1, -100, -100, -100, -100],
            [
                "The training split has a single class, 'b' (4 items): no other class can be "
                f"learned. {ADVICE}",
                f"The test split has no labels: {USELESS}. {ADVICE}",
            ],
        ),
        (
            "classification",
            [0, 1, 0, 1, 2, 1, 0, 1, 0, 2, 1, 2],
            [
                "The training split has no items of class 'c', which occurs in validation or "
                "test, so it cannot be learned. Choose another split or seed."
            ],
        ),
    ],
)
def test_splits_of_classes(kind, y, expected):
    names = tuple("abc"[: max(y) + 1])
    assert split_warnings(kind, torch.tensor(y), names, SPLIT) == expected


def test_a_target_of_several_without_labels_or_with_one_class_only():
    good = column(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1.0)
    single = column(0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1.0)
    none = column(0, 1, 0, 1, 0, 1, 0, 1, *[NAN] * 4)
    few = column(0, 1, 0, 1, 1, 1, 1, NAN, 0, 1, 0, 1.0)  # three labels: no surprise
    y = torch.cat([good, single, none, few], 1)
    assert split_warnings("multilabel", y, ("g", "s", "n", "f"), SPLIT) == [
        "The validation split has a single class for 's' (all 1): "
        f"{USELESS}, and it cannot select a checkpoint. {ADVICE}",
        f"The test split has no labels for 'n': {USELESS}. {ADVICE}",
    ]
    (regression,) = split_warnings("regression", y, ("g", "s", "n", "f"), SPLIT)
    assert regression.startswith("The test split has no labels for 'n'")
    empty = Split("mine", [0, 1, 2, 3], [], [8, 9, 10, 11])
    assert split_warnings("multilabel", single, ("s",), empty) == []


def test_a_graph_and_its_nodes():
    task = load("karate")
    assert task.overview() == {
        "data": "Zachary's karate club",
        "graph": "34 nodes, 78 edges, 34 features each",
        "task": "classification into 2 classes",
        "classes": "items (training / validation / test): 'Mr. Hi' 17 (4 / 4 / 9); "
        "'Officer' 17 (4 / 4 / 9)",
        "split": "'public' (seed 0): 8 training, 8 validation, 18 test",
    }
    assert task.data_warnings() == []


def test_pictures_and_molecules_have_an_overview_too():
    digits = load("digits").overview()
    assert "'0' 178 (124 / 18 / 36); '1' 182" in digits["classes"]
    molecules = load("bioactivity").overview()
    assert list(molecules)[:2] == ["data", "molecules"]
    assert "83 per atom, 16 per edge" in molecules["features"]
