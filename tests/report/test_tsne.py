"""t-SNE keeps neighbors together, is the same every time, and runs in another process."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from gnnvision.report import tsne as module
from gnnvision.report.tsne import Maps, principal_components, tsne


def clusters(count=300, groups=6, width=20):
    rng = np.random.default_rng(0)
    centers = 4 * rng.normal(size=(groups, width))
    y = np.arange(count) % groups
    return (centers[y] + rng.normal(size=(count, width))).astype(np.float32), y


def nearest(rows, count=10):
    distances = np.square(rows[:, None].astype(float) - rows[None]).sum(2)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(1)[:, :count]


def kept(rows, places):
    """Of each row's nearest neighbors, the share that are among its nearest on the map."""
    pairs = zip(nearest(rows), nearest(places), strict=True)
    return np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs])


def test_a_map_keeps_clusters_apart_and_as_many_neighbors_as_that_of_scikit_learn():
    rows, y = clusters()
    places = tsne(rows)
    assert places.shape == (300, 2)
    assert (y[nearest(places, 5)] == y[:, None]).mean() > 0.99
    other = TSNE(2, perplexity=20, init="pca", random_state=0, n_jobs=1).fit_transform(rows)
    assert kept(rows, places) > kept(rows, other) - 0.05


@pytest.mark.parametrize("shape", [(8, 2), (2, 5), (40, 3)])
def test_small_tables_have_a_map(shape):
    places = tsne(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()


def test_equal_rows_have_a_finite_map():
    rows = np.repeat(np.eye(3, 4, dtype=np.float32), 30, axis=0)
    assert np.isfinite(tsne(rows)).all()
    assert np.isfinite(tsne(np.ones((9, 4), dtype=np.float32))).all()


def test_repulsion_is_the_sum_over_all_pairs(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 7)
    y = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    off = y[:, None] - y[None]
    weights = 1 / (1 + np.square(off).sum(2))
    total = weights.sum() - len(y)
    expected = (np.square(weights)[..., None] * off).sum(1) / total
    np.testing.assert_allclose(module._repulsion(y), expected, rtol=1e-4, atol=1e-6)


def test_attraction_is_the_sum_over_neighbors_in_both_directions():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(12, 2)).astype(np.float32)
    near = nearest(y, 3)
    weights = rng.random((12, 3)).astype(np.float32)
    full = np.zeros((12, 12))
    np.put_along_axis(full, near, weights, 1)
    full += full.T
    off = y[:, None] - y[None]
    expected = (full[..., None] * off / (1 + np.square(off).sum(2, keepdims=True))).sum(1)
    np.testing.assert_allclose(
        module._attraction(y, near, weights), expected, rtol=1e-4, atol=1e-6
    )


def test_each_row_has_the_perplexity_asked_for():
    rows, _ = clusters(120)
    near, weights = module._affinities(rows, 12.0)
    assert weights.sum() == pytest.approx(0.5)
    shares = np.maximum(weights * 2 * len(rows), 1e-30)
    np.testing.assert_allclose(np.exp(-(shares * np.log(shares)).sum(1)), 12, rtol=1e-3)
    assert all(set(a) == set(b) for a, b in zip(near, nearest(rows, 60), strict=True))


def test_principal_components_are_those_of_scikit_learn():
    rows = clusters(groups=4)[0].astype(np.float64)
    ours, theirs = principal_components(rows, 3), PCA(3).fit_transform(rows)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(ours, principal_components(rows, 3))


def test_another_process_makes_maps(monkeypatch):
    monkeypatch.setattr(module, "_cores", lambda: 2)
    tables = [clusters(250)[0], clusters(160, 3)[0]]
    maps = Maps(tables)
    process = maps._process
    assert process is not None
    for made, table in zip(maps.result(), tables, strict=True):
        # Another number of threads rounds otherwise, which many steps enlarge: no equal positions.
        assert made.shape == tsne(table).shape
        assert np.isfinite(made).all()
        assert made.std() > 1
    assert process.returncode == 0


@pytest.mark.parametrize("failure", ["start", "end", "none needed"])
def test_without_another_process_this_one_makes_them(monkeypatch, failure):
    monkeypatch.setattr(module, "_cores", lambda: 1 if failure == "none needed" else 2)
    if failure == "start":
        monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    table = clusters(410)[0]
    monkeypatch.setattr(module, "tsne", lambda table: table[:, :2])
    maps = Maps([table])
    if failure == "end":
        maps._process.kill()
    else:
        assert maps._process is None
    np.testing.assert_array_equal(maps.result()[0], table[:, :2])


def test_a_process_that_nobody_waits_for_is_ended(monkeypatch):
    monkeypatch.setattr(module, "_cores", lambda: 2)
    maps = Maps([clusters(2000)[0]])
    process = maps._process
    maps.stop()
    assert process.returncode is not None
    maps.stop()
