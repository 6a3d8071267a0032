"""Labels from tensors and arrays: their kind, missing ones, and what is refused."""

import math

import numpy as np
import pytest
import scipy.sparse
import torch

from gnnvision.data.graphs.labels import read_labels


def test_integers_are_classes():
    labels = read_labels(torch.tensor([2, 0, 1, 2]), 4)
    assert (labels.kind, labels.names) == ("classification", ("0", "1", "2"))
    assert labels.y.tolist() == [2, 0, 1, 2]
    assert labels.notes == {}
    assert read_labels(torch.tensor([[2], [0], [1], [2]]), 4).y.equal(labels.y)
    assert read_labels([2, 0, 1, 2], 4).y.equal(labels.y)
    assert read_labels(np.array([2, 0, 1, 2], np.uint8), 4).y.equal(labels.y)


def test_booleans_are_two_classes():
    labels = read_labels(torch.tensor([True, False]), 2, names=["no", "yes"])
    assert (labels.kind, labels.names, labels.y.tolist()) == (
        "classification", ("no", "yes"), [1, 0],
    )  # fmt: skip


@pytest.mark.parametrize("missing", [-1, -100])
def test_missing_classes_are_counted(missing):
    labels = read_labels(torch.tensor([0, missing, 1, missing]), 4)
    assert labels.y.tolist() == [0, -100, 1, -100]
    assert labels.known.tolist() == [True, False, True, False]
    assert labels.notes["labels"] == "2 of 4 nodes are unlabeled; they can be predicted"


def test_other_numbers_are_values():
    labels = read_labels(torch.tensor([0.5, math.nan, 1.25]), 3, "graph")
    assert (labels.kind, labels.names, labels.y.shape) == ("regression", ("target",), (3, 1))
    assert labels.known.tolist() == [True, False, True]
    two = read_labels(np.array([[0.5, 1], [math.nan, 2], [3, math.nan]]), 3)
    assert two.names == ("target 0", "target 1")
    assert two.known.all()


def test_whole_numbers_as_floats_are_values_and_that_is_said():
    y = torch.tensor([0.0, 1, 2, math.nan])
    labels = read_labels(y, 4)
    assert labels.kind == "regression"
    assert "if these are class indices" in labels.notes["targets read as"]
    classes = read_labels(y, 4, kind="classification")
    assert classes.y.tolist() == [0, 1, 2, -100]


def test_columns_of_ones_and_zeros_are_several_labels():
    y = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, -1]])
    labels = read_labels(y, 3)
    assert labels.kind == "multilabel"
    assert labels.y[:2].tolist() == y[:2].tolist()
    assert labels.y[2, 2].isnan()
    assert read_labels(y.clamp(min=0).float(), 3).kind == "multilabel"
    assert read_labels(torch.tensor([[0.0], [1.0]]), 2).kind == "multilabel"


def test_one_hot_rows_are_labels_unless_said_otherwise():
    y = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    labels = read_labels(y, 3)
    assert labels.kind == "multilabel"
    assert "kind='classification'" in labels.notes["targets read as"]
    assert read_labels(y, 3, kind="classification").y.tolist() == [1, 0, 2]


def test_kind_overrides():
    assert read_labels([1, 2, 3], 3, kind="regression").y.tolist() == [[1], [2], [3]]
    sparse = scipy.sparse.csr_array(np.eye(2))
    assert read_labels(sparse, 2, kind="multilabel").y.tolist() == [[1, 0], [0, 1]]


def test_without_labels():
    labels = read_labels(None, 3)
    assert labels.y.tolist() == [-100] * 3
    assert (labels.num_outputs, labels.notes) == (0, {"labels": "none"})


def test_names_may_include_classes_that_do_not_occur():
    assert read_labels([0, 1], 2, names=["a", "b", "c"]).num_outputs == 3


@pytest.mark.parametrize(
    ("y", "options", "fault"),
    [
        ([0, 1], {}, r"'y' must have one row for each of the 3 nodes, got shape \(2,\)"),
        ([0, -2, 1], {}, "'y' must be class indices from 0, got -2"),
        ([1, -1, 1], {}, "'y' must number classes from 0, got only -1 and 1"),
        ([0, 5, 10**6], {}, "'y' must number classes from 0 without gaps, got 3 classes up to"),
        ([[1, 2], [3, 4], [0, 1]], {}, "'y' must be one column of classes, or columns of 0 and 1"),
        ([0.5, 1, 2], {"kind": "classification"}, "whole numbers .* got 0.5"),
        ([0.5, 1, 0], {"kind": "multilabel"}, "'y' must have only 0 and 1 .* got 0.5"),
        ([math.inf, 1.5, 0], {}, "'y' must be finite or NaN, got infinity in row 0"),
        ([0, 1, 2], {"kind": "classes"}, "'kind' must be one of 'classification'"),
        ([0, 1, 2], {"names": ["a"]}, "'class_names' must be 3 names"),
        ([[1, 1], [0, 1], [1, 0]], {"kind": "classification"}, "'y' must have one class for each"),
    ],
)
def test_what_is_refused(y, options, fault):
    with pytest.raises(ValueError, match=fault):
        read_labels(y, 3, **options)


def test_words_are_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"'y' must be numbers, got <U1\. .*from_tables"):
        read_labels(["a", "b"], 2)
