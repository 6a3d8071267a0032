"""The wording of errors is in one place."""

import math

import pytest

from gnnvision.errors import (
    at_least,
    in_range,
    integer,
    invalid,
    nearest,
    one_of,
    wrong_dtype,
    wrong_type,
)


def test_the_error_names_the_argument_the_value_and_the_remedy():
    error = invalid("x", "have shape (N, 3)", "(4, 2)", "Project x first.")
    assert isinstance(error, ValueError)
    assert str(error) == "'x' must have shape (N, 3), got (4, 2). Project x first."


def test_a_wrong_type_is_named():
    error = wrong_type("graph", "be a Graph", [1, 2], "Use Graph.from_edges.")
    assert isinstance(error, TypeError)
    assert str(error) == "'graph' must be a Graph, got list. Use Graph.from_edges."


def test_the_nearest_choice_is_suggested():
    assert one_of("mode", "mean", ("sum", "mean")) == "mean"
    with pytest.raises(
        ValueError, match=r"one of 'sum', 'mean', got 'meen'\. Did you mean 'mean'\?"
    ):
        one_of("mode", "meen", ("sum", "mean"))
    with pytest.raises(ValueError, match=r"got 'zzz'\. Choose one of them\."):
        one_of("mode", "zzz", ("sum", "mean"))
    with pytest.raises(ValueError, match=r"got 'zzz'\. See the README\."):
        one_of("mode", "zzz", ("sum", "mean"), "See the README.")


def test_true_is_not_one():
    with pytest.raises(ValueError, match=r"got True"):
        one_of("order", True, (1, 2))


def test_at_least():
    assert at_least("seeds", 1, 1) == 1
    for value in (0, -1, math.nan):
        with pytest.raises(ValueError, match=rf"'seeds' must be at least 1, got {value}\. "):
            at_least("seeds", value, 1)


def test_integer():
    assert integer("heads", 3, 1) == 3
    assert integer("shift", -2) == -2
    for value in (True, 2.0, "3"):
        with pytest.raises(TypeError, match="'heads' must be an integer, got"):
            integer("heads", value)
    with pytest.raises(ValueError, match=r"'heads' must be at least 1, got 0\. "):
        integer("heads", 0, 1)


def test_the_error_names_the_dtype():
    error = wrong_dtype("x", "be floating point", "torch.int64", "Convert it with x.float().")
    assert isinstance(error, TypeError)
    assert str(error).startswith("'x' must be floating point, got torch.int64. ")


def test_in_range():
    assert in_range("dropout", 0.5, 0, 1) == 0.5
    assert in_range("dropout", 1, 0, 1) == 1
    with pytest.raises(ValueError, match=r"'dropout' must be from 0 to 1, got 1\.5\. "):
        in_range("dropout", 1.5, 0, 1)
    with pytest.raises(ValueError, match=r"'dropout' must be at least 0 and below 1, got 1\. "):
        in_range("dropout", 1, 0, 1, below=True)
    with pytest.raises(ValueError, match="got nan"):
        in_range("dropout", math.nan, 0, 1)


def test_nearest():
    assert nearest("Corra", ["cora", "karate"]) == ["cora"]
    assert nearest("zzz", ["cora"]) == []
    assert nearest("zzz", ["cora"], cutoff=0) == ["cora"]
