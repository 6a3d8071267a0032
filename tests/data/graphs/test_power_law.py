"""The generated graph: what its formula promises, and that a seed gives the same graph."""

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data.graphs import generated, power_law
from gnnvision.data.graphs.generated import write_power_law
from gnnvision.data.graphs.power_law import EDGES, PowerLaw
from gnnvision.domains import StoredGraph

NODES = 240_000


@pytest.fixture(scope="module")
def graph():
    return PowerLaw(num_nodes=NODES)


@pytest.fixture(scope="module")
def pairs(graph):
    return np.concatenate(list(graph.edges()), 1)


def test_blocks_are_bounded_and_of_a_seed(graph, pairs):
    sizes = [block.shape[1] for block in graph.edges()]
    assert sizes == [EDGES, NODES * 5 - EDGES]
    assert np.array_equal(next(graph.edges(1)), pairs[:, EDGES:])
    again = PowerLaw(num_nodes=NODES)
    assert np.array_equal(np.concatenate(list(again.edges()), 1), pairs)
    other = np.concatenate(list(PowerLaw(num_nodes=NODES, seed=1).edges()), 1)
    assert not np.array_equal(other, pairs)
    first, *rest = graph.nodes()
    assert not rest  # 240,000 nodes are one block
    assert first.x.dtype == np.float32
    assert np.array_equal(first.x, next(again.nodes()).x)


def test_the_degrees_follow_the_power_law(pairs):
    degree = np.bincount(pairs.ravel(), minlength=NODES)
    assert (pairs[0] != pairs[1]).all()
    assert degree.mean() == 10
    # P(degree > d) ~ d^-1.5: four times the degree, an eighth as many nodes.
    assert (degree > 40).sum() / (degree > 160).sum() == pytest.approx(8, rel=0.25)
    assert 500 < degree.max() < 1.2 * np.sqrt(10 * NODES)
    # Large nodes do not lie together.
    large = np.flatnonzero(degree > 40)
    assert np.histogram(large, 10, (0, NODES))[0].min() > len(large) / 20


@pytest.mark.parametrize("inside", [0.0, 0.6])
def test_edges_are_within_communities_with_the_probability_given(inside):
    graph = PowerLaw(num_nodes=20_000, classes=4, inside=inside)
    y = graph.class_of(np.concatenate(list(graph.edges()), 1))
    assert (y[0] == y[1]).mean() == pytest.approx(inside + (1 - inside) / 4, abs=0.01)
    assert np.bincount(graph.class_of(np.arange(20_000))).tolist() == [5000] * 4


def test_the_edges_help_to_tell_the_classes(graph, pairs):
    block = next(graph.nodes())
    means = np.stack([block.x[block.y == c].mean(0) for c in range(graph.classes)])

    def accuracy(x):
        nearest = (x @ means.T - (means**2).sum(1) / 2).argmax(1)
        return (nearest == block.y).mean()

    alone = torch.from_numpy(block.x)
    whole = gv.Graph(torch.from_numpy(np.concatenate([pairs, pairs[::-1]], 1)), NODES)
    near = gv.operators.normalized_adjacency(whole) @ alone
    assert accuracy(block.x) < 0.45
    assert accuracy(near.numpy()) > 0.6


def test_the_splits(graph, monkeypatch):
    public, random = graph.split(), graph.split(0)
    assert public.sizes == {"train": 2400, "val": 2400, "test": 235_200}
    assert (public.name, random.name) == ("public", "random")
    assert public.hash == PowerLaw(num_nodes=NODES).split().hash != random.hash
    assert PowerLaw(num_nodes=8000).split().sizes["train"] == 320
    monkeypatch.setattr(power_law, "BLOCK", 24_000)  # of each block the same fraction
    assert np.histogram(graph.split().train, 10, (0, NODES))[0].min() == 240


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"num_nodes": 100}, "'num_nodes' must be .*160.* got 100"),
        ({"exponent": 2.0}, "'exponent' must be above 2, got 2.0"),
        ({"inside": 1.5}, "'inside' must be from 0 to 1, got 1.5"),
        ({"signal": float("nan")}, "'signal' must be at least 0, got nan"),
        ({"mean_degree": float("inf")}, "'mean_degree' must be from 0 to 15000, got inf"),
        ({"labeled": 0.5}, "'labeled' must be from 0 to 0.4, got 0.5"),
    ],
)
def test_what_makes_no_graph(given, fault):
    with pytest.raises(ValueError, match=fault):
        PowerLaw(**{"num_nodes": NODES} | given)


def test_it_is_loaded_by_name_and_size():
    task = gv.data.load("power-law", num_nodes=2000)
    assert task.origin == {"name": "power-law", "num_nodes": 2000}
    assert (task.graph.num_nodes, task.graph.num_edges) == (2000, 20_000)
    assert task.graph.is_undirected
    assert task.class_names == task.card.class_names
    drawn = gv.data.load("power-law", num_nodes=2000, split="random", seed=3)
    assert torch.equal(drawn.x, task.x)
    assert drawn.split.hash == drawn.with_seed(4).with_seed(3).split.hash != task.split.hash
    with pytest.raises(ValueError, match="'num_nodes' must be left out for node tasks, got 10"):
        gv.data.load("karate", num_nodes=10)
    with pytest.raises(ValueError, match="'dense' must be left out for a generated graph"):
        gv.data.load("power-law", dense=True)


def files(folder):
    return {path.stem: np.load(path) for path in folder.glob("*.npy")}


def test_on_disk_it_is_the_same_graph(tmp_path):
    graph = PowerLaw(num_nodes=3000, seed=5)
    task, folder = gv.data.generate_graph(graph), tmp_path / "graph"
    write_power_law(graph, folder)
    held = files(folder)
    stored = task.graph.by_target
    assert np.array_equal(held["rowptr"], stored.rowptr)
    assert np.array_equal(held["source"], stored.source)
    assert np.array_equal(held["x"], task.x)
    assert np.array_equal(held["y"], task.y)
    for name in ("train", "val", "test"):
        assert np.array_equal(held[name], getattr(task.split, name))
    mapped = gv.data.generate_graph(graph, folder)
    assert mapped.origin == {"name": str(folder)}
    assert torch.equal(mapped.x, task.x)
    assert mapped.split == task.split
    assert mapped.details["generated"] == task.details["generated"]
    before = (folder / "x.npy").stat().st_mtime_ns
    write_power_law(graph, folder)  # it is there already
    assert (folder / "x.npy").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="'folder' must be new"):
        write_power_law(PowerLaw(num_nodes=3000, seed=6), folder)


def test_a_build_that_was_stopped_goes_on(tmp_path, monkeypatch):
    graph = PowerLaw(num_nodes=3000)
    write_power_law(graph, tmp_path / "whole")
    monkeypatch.setattr(power_law, "BLOCK", 500)
    monkeypatch.setattr(power_law, "EDGES", 4000)
    write_power_law(graph, tmp_path / "blocks")
    edges = PowerLaw.edges

    def stops(self, first_block=0):
        yield from list(edges(self, first_block))[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(PowerLaw, "edges", stops)
    with pytest.raises(KeyboardInterrupt):
        write_power_law(graph, tmp_path / "stopped")
    monkeypatch.setattr(PowerLaw, "edges", edges)
    write_power_law(graph, tmp_path / "stopped")
    whole, again = files(tmp_path / "blocks"), files(tmp_path / "stopped")
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_large_one_is_written_below_the_data_root(tmp_path, monkeypatch):
    small = gv.data.load("power-law", num_nodes=2000)
    monkeypatch.setattr(generated, "MOST_IN_MEMORY", 1000)
    large = gv.data.load("power-law", num_nodes=2000, root=tmp_path)
    assert (tmp_path / "power-law" / "2000" / "graph.json").is_file()
    assert isinstance(large.graph, StoredGraph)
    assert torch.equal(large.y, small.y)
    assert (large.name, large.split.name) == (small.name, "public")
    drawn = gv.data.load("power-law", num_nodes=2000, root=tmp_path, split="random", seed=3)
    assert drawn.split == PowerLaw(num_nodes=2000).split(3)
