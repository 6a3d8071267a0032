import pytest
import torch

from gnnvision.data.targets import MISSING, read_targets

NAN = float("nan")


def same(found, expected):
    torch.testing.assert_close(found, torch.tensor(expected), equal_nan=True)


def test_numbers_are_a_regression():
    targets = read_targets({"y": ["1.5", " -2 ", "1e3", ""], "z": ["", "0", "1", "1"]})
    assert (targets.kind, targets.names, dict(targets.remarks)) == ("regression", ("y", "z"), {})
    same(targets.y, [[1.5, NAN], [-2, 0], [1000, 1], [NAN, 1]])
    assert targets.y.dtype == torch.float32


def test_zeros_and_ones_are_yes_and_no():
    targets = read_targets({"a": ["0", "1.0", ""], "b": ["1", "na", "0"]})
    assert targets.kind == "multilabel"
    same(targets.y, [[0, 1], [1, NAN], [NAN, 0]])
    assert read_targets({"a": ["0", "1"]}, "regression").kind == "regression"
    assert read_targets({"a": ["0", "2"]}).kind == "regression"


def test_words_are_classes_in_alphabetical_order():
    targets = read_targets({"taste": ["sweet", "bitter", "", " sweet ", "NA"]})
    assert (targets.kind, targets.names) == ("classification", ("bitter", "sweet"))
    assert targets.y.tolist() == [1, 0, -100, 1, -100]
    assert targets.y.dtype == torch.int64


def test_numbers_may_be_classes_if_it_is_said():
    targets = read_targets({"y": ["2", "1", "2", "-"]}, "classification")
    assert (targets.names, targets.y.tolist()) == (("1", "2"), [1, 0, 1, -100])


@pytest.mark.parametrize("cell", [*MISSING, "NA", "NaN", "None", " null ", "nan"])
def test_what_is_missing(cell):
    targets = read_targets({"y": ["1.5", cell, "2.5"]})
    same(targets.y, [[1.5], [NAN], [2.5]])
    assert targets.remarks == {}


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "1e39", ">100", "abc", "1.2.3"])
def test_what_is_no_number_among_numbers_is_missing_with_a_remark(cell):
    targets = read_targets({"y": ["1.5", "2.5", cell], "z": ["1", "x", "3"]})
    same(targets.y, [[1.5, 1], [2.5, NAN], [NAN, 3]])
    assert targets.remarks == {
        1: "'z' is 'x', which is not a number",
        2: f"'y' is {cell!r}, which is not a number",
    }


@pytest.mark.parametrize(
    ("columns", "kind", "fault"),
    [
        ({}, "auto", "must name at least one column, got none"),
        ({"y": []}, "auto", "must have values, got 0 empty cells in 'y'"),
        ({"y": ["1"], "z": ["NA"]}, "auto", "must have values, got 1 empty cells in 'z'"),
        (
            {"y": ["a", "b", "1"]},
            "regression",
            "must contain numbers, got 'a' and other text in 'y'",
        ),
        (
            {"y": ["1", "2"], "z": ["a", "b"]},
            "auto",
            "got 'a' .* only this one to predict its classes",
        ),
        (
            {"y": ["0", "2"]},
            "multilabel",
            "must contain only 0 and 1 for kind='multilabel', got other",
        ),
        ({"y": ["1", "2"], "z": ["1", "2"]}, "classification", "one column of classes, got 2"),
        ({"y": ["a", "a", ""]}, "auto", "from 2 to 100 classes, got 1 different texts in 'y'"),
        ({"y": [f"c{n}" for n in range(101)]}, "auto", "got 101 different texts"),
        ({"y": ["0,5", "-1,25", "x"]}, "auto", "a decimal point, got '0,5' in 'y'. Export"),
    ],
)
def test_targets_that_cannot_be(columns, kind, fault):
    with pytest.raises(ValueError, match=f"'targets' .*{fault}|'targets' {fault}"):
        read_targets(columns, kind)


def test_a_few_numbers_among_words_are_classes_too():
    assert read_targets({"y": ["a", "b", "1", "a"]}).names == ("1", "a", "b")
