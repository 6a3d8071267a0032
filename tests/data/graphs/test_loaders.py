"""Training on the mini-batches of other libraries' loaders."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

import gnnvision as gv
from gnnvision._extras import MissingPackage

pytest.importorskip("torch_geometric")
from torch_geometric.data import Data
from torch_geometric.loader import NodeLoader
from torch_geometric.testing import MyFeatureStore, MyGraphStore


def trained(task: Any, recipe: gv.Recipe) -> torch.Tensor:
    torch.manual_seed(0)
    model = gv.models.gcn(task.in_channels, 8, task.num_classes, dropout=0.0)
    result = gv.fit(model, task, recipe, progress=False)
    return torch.cat([p.detach().flatten() for p in result.model.parameters()])


class TheirLoader:
    """torch-geometric's NodeLoader, as a loader of a task."""

    def __init__(self, graph: gv.Graph) -> None:
        self.graph, self.calls = graph, 0

    def __call__(
        self, nodes: torch.Tensor, fanouts: Sequence[int], batch_size: int, seed: int
    ) -> Any:
        self.calls += 1
        sampler = gv.data.NeighborSampler(self.graph, fanouts, seed=seed)
        return NodeLoader(self.graph.to_pyg(), sampler, nodes, batch_size=batch_size)


@pytest.mark.parametrize("stored", [False, True])
def test_a_loader_of_all_neighbors_trains_as_the_whole_graph(stored: bool) -> None:
    task = gv.data.load("karate")
    kept = {"checkpoint_selection": "last"}
    expected = trained(task, gv.Recipe(epochs=5, **kept))
    loader = TheirLoader(gv.Graph.from_stored(task.graph.by_target) if stored else task.graph)
    graph = task.graph.by_target if stored else task.graph
    recipe = gv.Recipe(epochs=5, fanouts=(-1, 100), batch_size=100, **kept)
    found = trained(replace(task, graph=graph, loader=loader), recipe)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert loader.calls >= 5


def test_a_loader_draws_for_training_alone() -> None:
    task = gv.data.load("karate")
    loader = TheirLoader(task.graph)
    drawing = replace(task, fanouts=(2, 2), loader=loader)
    generator = torch.Generator().manual_seed(0)
    seen = [f.wanted.tolist() for _, f, _ in drawing.batches("train", 3, generator)]
    assert sorted(node for nodes in seen for node in nodes) == sorted(task.split.train)
    assert [len(nodes) for nodes in seen] == [3, 3, 2]
    assert loader.calls == 1
    list(drawing.batches("val", 3))
    assert loader.calls == 1
    with pytest.raises(ValueError, match=r"'share' must be \(0, 1\)"):
        drawing.batches("train", 3, generator, share=(0, 2))


def test_a_loader_needs_fanouts() -> None:
    task = gv.data.load("karate")
    with pytest.raises(ValueError, match="'loader' must be None without 'fanouts'"):
        trained(replace(task, loader=TheirLoader(task.graph)), gv.Recipe(epochs=1))


class Stores(MyGraphStore):
    """Stands for cugraph_pyg.data.GraphStore, which takes edges in COO form."""

    def __init__(self) -> None:
        super().__init__()
        assert torch.distributed.get_world_size() == 1


class Loader:
    """Stands for cugraph_pyg.loader.NeighborLoader: its batches, as the source has them."""

    def __init__(self, data: Any, num_neighbors: Any, input_nodes: Any, batch_size: int) -> None:
        _, edges = data
        (attribute,) = edges.get_all_edge_attrs()
        assert attribute.edge_type == ("node", "to", "node")
        self.data = Data(edge_index=edges.get_edge_index(attribute))
        self.data.num_nodes = attribute.size[0]
        self.given = num_neighbors, input_nodes, batch_size

    def __iter__(self) -> Iterator[Data]:
        fanouts, nodes, size = self.given
        seed = int(torch.randint(2**31, ()))
        sampler = gv.data.NeighborSampler(self.data, fanouts, seed=seed)
        for one in NodeLoader(self.data, sampler, nodes, batch_size=size):
            yield Data(
                edge_index=one.edge_index, n_id=one.n_id, e_id=one.e_id, batch_size=one.batch_size,
                num_sampled_nodes=torch.tensor(one.num_sampled_nodes),
                num_sampled_edges=torch.tensor(one.num_sampled_edges),
            )  # fmt: skip


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The part of cugraph-pyg that is used."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "gnnvision.data.graphs.cugraph.find_spec",
        lambda name: object() if name == "cugraph_pyg" else found(name),
    )
    for name in ("cugraph_pyg", "cugraph_pyg.data", "cugraph_pyg.loader"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["cugraph_pyg.data"], "GraphStore", Stores, raising=False)
    data = sys.modules["cugraph_pyg.data"]
    monkeypatch.setattr(data, "FeatureStore", MyFeatureStore, raising=False)
    monkeypatch.setattr(sys.modules["cugraph_pyg.loader"], "NeighborLoader", Loader, raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("stored", [False, True])
def test_the_loader_of_cugraph(stored: bool) -> None:
    task = gv.data.load("karate")
    graph = task.graph.by_target if stored else task.graph
    drawing = replace(task, graph=graph, loader=gv.data.cugraph_loader(graph))
    kept = {"checkpoint_selection": "last"}
    recipe = gv.Recipe(epochs=3, fanouts=(-1, -1), batch_size=100, **kept)
    expected = trained(task, gv.Recipe(epochs=3, **kept))
    torch.testing.assert_close(trained(drawing, recipe), expected, rtol=1e-4, atol=1e-6)
    drawn = replace(recipe, fanouts=(2, 1), batch_size=4)
    assert torch.equal(trained(drawing, drawn), trained(drawing, drawn))


def test_without_cugraph() -> None:
    if importlib.util.find_spec("cugraph_pyg"):
        pytest.skip("it is installed")
    with pytest.raises(MissingPackage, match="pip install cugraph-pyg"):
        gv.data.cugraph_loader(gv.data.load("karate").graph)
