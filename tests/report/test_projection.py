"""Maps of items whose features are of any size, or no numbers at all."""

from dataclasses import replace

import numpy as np
import pytest

import gnnvision as gv
from gnnvision.report.parts import Run
from gnnvision.report.projection import _agreement, _can_map, _place, _scaled, projection

from .conftest import trained


def features_of(case):
    """40 rows of 6 features, half of them near one place and half near another."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6)).astype(np.float32)
    x[20:] += 20
    match case:
        case "huge":
            return x * np.float32(1e37)
        case "tiny":
            return x * np.float32(1e-37)
        case "one huge row":
            x[3] = 1e30
        case "one huge column":
            x[:, 2] *= 1e35
    return x


@pytest.mark.parametrize("case", ["usual", "huge", "tiny", "one huge row", "one huge column"])
def test_features_of_any_size_have_a_map(case):
    features = _scaled(features_of(case))
    assert _can_map(features)
    places = _place(features)
    assert places.shape == (40, 2)
    assert np.isfinite(places).all()
    target = np.repeat([0, 1], 20)
    if "one" not in case:
        assert _agreement(features, target) == 1
    if case == "usual":
        np.testing.assert_array_equal(features, features_of(case))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_have_none(value):
    x = features_of("usual")
    x[2, 3] = value
    assert not _can_map(_scaled(x))


def test_the_share_of_neighbors_is_undefined_without_two_items_of_known_class():
    features = features_of("usual")
    target = np.full(40, -100)
    assert np.isnan(_agreement(features, target))
    target[0] = 1
    assert np.isnan(_agreement(features, target))


def test_the_page_of_a_run_on_huge_features(tmp_path):
    karate = gv.data.load("karate", dense=True)
    task = replace(karate, x=karate.x * 1e30)
    result = trained(task, tmp_path, 1, 3, model=gv.models.gcn(34, 8, 2, dropout=0.0))
    section = projection(Run(result, tmp_path))
    assert [picture.path.stem for picture in section.figures] == [
        "projection_input", "projection_hidden"
    ]  # fmt: skip
