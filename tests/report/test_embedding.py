"""Tables of features that can be mapped, whatever the size of their values."""

import numpy as np
import pytest
import torch

from gnnvision.report.embedding import _can_map, _scaled, _table, embed_items
from gnnvision.report.observe import Observed
from gnnvision.report.tsne import map_table


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
    places, agreement = map_table(features, np.arange(40) // 20)
    assert places.shape == (40, 2)
    assert np.isfinite(places).all()
    if "one" not in case:
        assert agreement == 1
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
    assert embedding.infinite == ["Before: the 6 features of each node"]
    assert embedding.maps.result(embedding.views[0].table, embedding.labels)[1] == 1
    embedding.maps.stop()


def test_sparse_features_are_mapped_as_dense_ones_are():
    features = torch.from_numpy(features_of("usual")).clamp(min=0)
    items = torch.tensor([1, 5, 20])
    for sparse in (features.to_sparse_coo(), features.to_sparse_csr()):
        np.testing.assert_array_equal(_table(sparse, items), features[items].numpy())
