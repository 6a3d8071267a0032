"""Our sampler under torch-geometric's loaders."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import gnnvision as gv
from gnnvision.domains import StoredGraph

pytest.importorskip("torch_geometric")
from torch_geometric.data import Data, HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.nn import SAGEConv
from torch_geometric.sampler import BaseSampler, NodeSamplerInput
from torch_geometric.utils import trim_to_layer

from gnnvision.data import NeighborSampler

NODES, EDGES = 50, 300


@pytest.fixture
def data() -> Data:
    generator = torch.Generator().manual_seed(0)
    edge_index = torch.randint(NODES - 2, (2, EDGES), generator=generator)
    x = torch.randn(NODES, 4, dtype=torch.float64, generator=generator)
    return Data(x=x, edge_index=edge_index, edge_attr=torch.arange(EDGES), y=torch.arange(NODES))


class TheirNetwork(torch.nn.Module):
    """Two layers of torch-geometric, each on the nodes and edges that it needs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([SAGEConv(4, 8), SAGEConv(8, 3)])

    def forward(self, batch: Data, trim: bool) -> torch.Tensor:
        x, edge_index = batch.x, batch.edge_index
        for number, layer in enumerate(self.layers):
            if trim:
                per_hop = batch.num_sampled_nodes, batch.num_sampled_edges
                x, edge_index, _ = trim_to_layer(number, *per_hop, x, edge_index)
            x = layer(x, edge_index).relu()
        return x


@pytest.mark.parametrize("options", [{}, {"disjoint": True}, {"subgraph_type": "induced"}])
@pytest.mark.parametrize("workers", [0, 2])
def test_their_network_gives_the_outputs_of_the_whole_graph(
    data: Data, options: Any, workers: int
) -> None:
    torch.manual_seed(0)
    network, nodes = TheirNetwork().double().eval(), torch.tensor([7, 3, 49, 3, 11])
    expected = network(data, trim=False)
    sampler = NeighborSampler(data, (-1, EDGES), seed=0, **options)
    loader = NodeLoader(data, sampler, nodes, batch_size=4, num_workers=workers)
    seen = []
    with torch.no_grad():
        for batch in loader:
            y = network(batch, trim="num_sampled_nodes" in batch)[: batch.batch_size]
            torch.testing.assert_close(y, expected[nodes[batch.input_id]])
            assert batch.y[: batch.batch_size].tolist() == nodes[batch.input_id].tolist()
            seen += batch.input_id.tolist()
    assert seen == list(range(5))


@pytest.mark.parametrize("options", [{}, {"disjoint": True}, {"subgraph_type": "induced"}])
def test_edges_are_edges_of_the_graph_with_their_attributes(data: Data, options: Any) -> None:
    sampler = NeighborSampler(data, (3, 2), seed=0, **options)
    for batch in NodeLoader(data, sampler, batch_size=16, shuffle=True):
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        assert torch.equal(batch.edge_attr, batch.e_id)
        assert torch.equal(batch.x, data.x[batch.n_id])
        if "num_sampled_nodes" not in batch:
            inside = torch.isin(data.edge_index, batch.n_id).all(0).nonzero().squeeze(1)
            assert batch.e_id.sort().values.tolist() == inside.tolist()
            continue
        assert sum(batch.num_sampled_nodes) == batch.num_nodes
        assert sum(batch.num_sampled_edges) == batch.num_edges
        taken = torch.bincount(batch.edge_index[1], minlength=batch.num_nodes)
        assert taken[: batch.batch_size].max() == 3
        degree = torch.bincount(data.edge_index[1], minlength=NODES)[batch.n_id]
        first = batch.batch_size  # then come the nodes of the first hop
        for fanout, new in zip((3, 2, 0), batch.num_sampled_nodes, strict=True):
            first = sum(batch.num_sampled_nodes[: (3, 2, 0).index(fanout)])
            here = slice(first, first + new)
            assert taken[here].tolist() == degree[here].clamp(max=fanout).tolist()
        if batch.batch is not None:
            assert batch.batch[: batch.batch_size].tolist() == list(range(batch.batch_size))
            ends = batch.batch[batch.edge_index]
            assert torch.equal(ends[0], ends[1])


def test_edges_in_both_directions(data: Data) -> None:
    sampler = NeighborSampler(data, (2,), seed=0, subgraph_type="bidirectional")
    for batch in NodeLoader(data, sampler, batch_size=16):
        pairs = set(zip(*batch.edge_index.tolist(), strict=True))
        assert pairs == {(target, source) for source, target in pairs}


@pytest.mark.parametrize("workers", [0, 2])
def test_the_seed_determines_the_batches_and_epochs_differ(data: Data, workers: int) -> None:
    def epochs(seed: int) -> list[list[int]]:
        loader = NodeLoader(
            data, NeighborSampler(data, (2, 2), seed=seed), batch_size=25, num_workers=workers,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        return [[n for batch in loader for n in batch.e_id.tolist()] for _ in range(2)]

    first, second = epochs(0)
    assert epochs(0) == [first, second]
    assert first != second
    assert epochs(1)[0] != first


def test_neighbors_are_drawn_uniformly(data: Data) -> None:
    sampler, node = NeighborSampler(data, (2,), seed=0), 5
    incoming = (data.edge_index[1] == node).nonzero().squeeze(1)
    counts, rounds = torch.zeros(EDGES), 2000
    for _ in range(rounds):
        edge = sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([node]))).edge
        counts[edge] += 1
    share = 2 / len(incoming)
    assert len(incoming) > 3
    assert counts.sum() == counts[incoming].sum() == 2 * rounds
    bound = 5 * (rounds * share * (1 - share)) ** 0.5
    assert (counts[incoming] - rounds * share).abs().max() < bound


@pytest.mark.parametrize("disjoint", [False, True])
def test_links_with_negative_ones(data: Data, disjoint: bool) -> None:
    sampler = NeighborSampler(data, (2, 2), seed=0, disjoint=disjoint)
    links = data.edge_index[:, :40]
    for batch in LinkLoader(data, sampler, links, batch_size=20, neg_sampling="binary"):
        ends, positive = batch.n_id[batch.edge_label_index], batch.edge_label > 0
        assert torch.equal(ends[:, positive], links[:, batch.input_id])
        assert positive.tolist() == [True] * 20 + [False] * 20
    for batch in LinkLoader(data, sampler, links, batch_size=20, neg_sampling="triplet"):
        assert torch.equal(batch.n_id[batch.src_index], links[0, batch.input_id])
        assert torch.equal(batch.n_id[batch.dst_pos_index], links[1, batch.input_id])
        assert batch.dst_neg_index.shape == (20,)


def test_graphs_of_ours(data: Data) -> None:
    graph = gv.Graph(data.edge_index, NODES)
    nodes = NodeSamplerInput(None, torch.tensor([4, 9]))
    outs = [NeighborSampler(g, (2, 2), seed=3).sample_from_nodes(nodes) for g in (data, graph)]
    assert torch.equal(outs[0].edge, outs[1].edge)
    stored = graph.by_target
    sampler = pickle.loads(pickle.dumps(NeighborSampler(stored, (2, 2), seed=3)))
    bare = Data(x=data.x, edge_index=torch.empty(2, 0, dtype=torch.int64))
    batch = next(iter(NodeLoader(bare, sampler, torch.tensor([4, 9]), batch_size=2)))
    assert torch.equal(batch.n_id, outs[0].node)
    assert torch.equal(stored.source[batch.e_id], batch.n_id[batch.edge_index[0]])
    empty = NeighborSampler(Data(num_nodes=3), (2,))
    assert isinstance(empty, BaseSampler)
    assert empty.sample_from_nodes(nodes.__class__(None, torch.tensor([1]))).node.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"fanouts": (0,)}, ValueError, "'fanouts' must be positive"),
        ({"graph": HeteroData()}, TypeError, "'graph' must be a Graph, a StoredGraph or a Data"),
        ({"subgraph_type": "inverse"}, ValueError, "subgraph_type"),
        ({"subgraph_type": "induced", "disjoint": True}, ValueError, "'induced' if disjoint"),
        ({"seed": -1}, ValueError, "'seed' must be at least 0"),
    ],
)
def test_wrong_arguments(data: Data, arguments: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        NeighborSampler(**{"graph": data, "fanouts": (2,)} | arguments)


def test_wrong_seed_nodes(data: Data) -> None:
    sampler = NeighborSampler(data, (2,))
    with pytest.raises(ValueError, match=r"'input_nodes' must be from 0 to 49, got 50"):
        sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([50])))
    with pytest.raises(ValueError, match=r"'inputs' must have no times"):
        sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([5]), torch.tensor([1])))


def test_a_stored_graph_that_is_empty() -> None:
    stored = StoredGraph(torch.zeros(1, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
    out = NeighborSampler(stored, (2,)).sample_from_nodes(
        NodeSamplerInput(None, torch.empty(0, dtype=torch.int64))
    )
    assert out.row.shape == out.edge.shape == (0,)
