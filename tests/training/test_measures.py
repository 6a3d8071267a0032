"""Figures that may be undefined: never a number, never a choice."""

import json
import math
import warnings

import numpy as np
import pytest

from gnnvision.training.folder import write_csv, write_json
from gnnvision.training.measures import (
    f1_macro,
    format_number,
    mean,
    r2,
    r2_undefined,
    rank,
    spread,
)


@pytest.mark.parametrize("scale", [1e-160, 1e-7, 1.0, 1e30, 1e160])
def test_r2_is_that_of_scikit_learn_at_any_scale(scale):
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    y, guess = rng.normal(size=20), rng.normal(size=20)
    assert r2(y * scale, guess * scale) == pytest.approx(r2_score(y, guess), abs=1e-12)


@pytest.mark.parametrize("classes", [1, 2, 7, 100])
def test_macro_f1_is_that_of_scikit_learn(classes):
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(classes)
    y, guess = rng.integers(0, classes, 50), rng.integers(0, classes, 50)
    expected = f1_score(y, guess, average="macro", zero_division=0.0)
    assert f1_macro(y, guess) == expected


@pytest.mark.parametrize(
    ("y", "why"),
    [
        ([], "0 known values, and R² needs two"),
        ([0.3], "1 known value, and R² needs two"),
        ([0.3, math.nan], "1 known value, and R² needs two"),
        (np.full(7, 0.1, np.float32), "all known values are equal"),
        (np.full(1000, 0.1), "all known values are equal"),  # whose mean differs by rounding
        ([math.nan, math.nan], "0 known values, and R² needs two"),
    ],
)
def test_r2_is_undefined_without_two_values_that_differ(y, why):
    assert math.isnan(r2(y, np.zeros(len(y))))
    assert r2_undefined(y) == why


def test_missing_values_do_not_count_and_bad_predictions_do():
    assert r2([1.0, math.nan, 3.0], [1.0, 100.0, 3.0]) == 1
    assert math.isnan(r2([1.0, 2.0], [math.nan, 2.0]))
    assert r2([1.0, 2.0], [math.inf, 2.0]) == -math.inf


def test_mean_and_spread_are_over_what_is_defined():
    assert spread([1.0, math.nan, 3.0])["mean"] == 2
    assert spread([1.0, 3.0])["std"] == pytest.approx(math.sqrt(2))
    assert spread([1.0, math.nan])["std"] is None
    assert math.isnan(spread([math.nan])["mean"])
    assert spread([1.0, math.inf])["std"] is None
    assert math.isnan(mean([]))


def test_an_undefined_rank_loses_against_every_number():
    assert rank(math.nan, 0.0, True) < rank(-1e30, math.inf, True)
    assert rank(math.nan, 0.0, False) < rank(1e30, math.inf, False)
    assert rank(math.nan, 0.2, True) > rank(math.nan, 0.3, True)
    assert rank(0.5, math.nan, True) < rank(0.5, 9.0, True)
    assert rank(0.6, math.nan, True) > rank(0.5, 0.1, True)


def test_json_and_csv_hold_no_nan(tmp_path):
    held = {"a": math.nan, "b": [math.inf, 1.0, (math.nan,)], "c": {"d": -math.inf}, "e": "NaN"}
    write_json(tmp_path / "a.json", held)

    def refuse(word):
        raise AssertionError(word)

    read = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert read == {"a": None, "b": [None, 1.0, [None]], "c": {"d": None}, "e": "NaN"}
    write_csv(tmp_path / "a.csv", [{"x": math.nan, "y": 1.5}])
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == ",1.5"


def test_in_words():
    assert (format_number(math.nan), format_number(0.25, 2)) == ("undefined", "0.25")


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r2([1e308, -1e308], [0.0, 0.0])
        r2([1.0, 2.0], [1e308, -1e308])
