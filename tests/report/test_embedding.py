"""Tables of features that can be mapped, whatever the size of their values."""

import numpy as np
import pytest
import torch

from gnnvision.report.embedding import _agreement, _can_map, _scaled, embed_items
from gnnvision.report.observe import Observed
from gnnvision.report.tsne import tsne


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
    places = tsne(features)
    assert places.shape == (40, 2)
    assert np.isfinite(places).all()
    target = torch.arange(40) // 20
    if "one" not in case:
        assert _agreement(torch.from_numpy(features), target) == 1
    if case == "usual":
        np.testing.assert_array_equal(features, features_of(case))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_have_no_map(value):
    x = features_of("usual")
    hidden = torch.from_numpy(x.copy())
    x[2, 3] = value
    target = torch.arange(40) // 20
    none = torch.empty(0, dtype=torch.int64)
    seen = Observed(torch.from_numpy(x), hidden, "lin", torch.eye(40), target, none, none)
    embedding = embed_items(seen, "node", 6)
    assert [view.name for view in embedding.views] == ["hidden"]
    assert embedding.views[0].agreement == 1
    assert embedding.infinite == ["Before: the 6 features of each node"]
    assert len(embedding.maps.result()) == 1


def test_the_share_of_neighbors_is_undefined_without_two_items_of_known_class():
    features = torch.from_numpy(features_of("usual"))
    target = torch.full((40,), -100)
    assert np.isnan(_agreement(features, target))
    target[0] = 1
    assert np.isnan(_agreement(features, target))


def test_sparse_features_have_the_same_neighbors():
    features = torch.from_numpy(features_of("usual")).clamp(min=0)
    target = torch.arange(40) % 3
    target[5:9] = -100
    share = _agreement(features, target)
    assert 0 < share < 1
    assert _agreement(features.to_sparse_coo(), target) == share
