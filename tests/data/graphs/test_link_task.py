"""Link prediction: no leak between splits, distinct pairs without a link, and their ranking."""

import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data import LinkTask, NodeTask, Split, rank_links, to_links
from gnnvision.data.graphs.link_pairs import draw_unlinked, raw_integers
from gnnvision.training import Interrupted, Recipe, fit


def random_graph(directed, n=40, edges=160, seed=0):
    """A graph with self loops and parallel edges, and with weights."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(n, (2, edges), generator=generator)
    ends = torch.cat([ends, ends[:, :9], torch.arange(5).expand(2, -1)], 1)
    if directed:
        ends = torch.cat([ends, ends[:, :20].flip(0)], 1)  # some with their reverse
    else:
        ends = torch.cat([ends, ends.flip(0)], 1)
    weight = torch.rand(ends.shape[1], generator=generator)
    return gv.Graph(ends, n, edge_weight=weight)


def as_sets(pairs):
    return {frozenset(pair) for pair in pairs.T.tolist()}


def leaks(task):
    """The validation and test links that are edges of the training graph, in some direction."""
    edges = as_sets(task.graph.edge_index)
    found = []
    for split in ("val", "test"):
        _, graph, y = next(task.batches(split))
        found += as_sets(graph.pairs[:, y[:, 0] == 1]) & edges
    return found


@pytest.mark.parametrize("directed", [False, True])
def test_no_hidden_link_is_in_the_training_graph_for_20_seeds(directed):
    task = to_links(random_graph(directed), val=0.1, test=0.2)
    splits = set()
    for seed in range(20):
        of_seed = task.with_seed(seed)
        assert leaks(of_seed) == []
        splits.add(of_seed.split.hash)
        for split in ("train", "val", "test"):
            _, graph, _ = next(of_seed.batches(split))
            assert graph.edge_index.equal(of_seed.graph.edge_index)
        hidden = of_seed.known.num_edges - of_seed.graph.num_edges
        assert hidden > 0
    assert len(splits) == 20


def test_the_leak_test_notices_a_leak():
    task = to_links(random_graph(False), val=0.1, test=0.2)
    object.__setattr__(task, "graph", task.known)
    assert leaks(task)
    one = to_links(random_graph(True), val=0.1, test=0.2)
    _, graph, y = next(one.batches("test"))
    back = graph.pairs[:, y[:, 0] == 1][:, :1].flip(0)  # a test link's reverse alone
    object.__setattr__(one, "graph", gv.Graph(torch.cat([one.graph.edge_index, back], 1), 40))
    assert leaks(one)


def test_each_direction_in_another_split_is_refused():
    graph = gv.Graph.from_edges([(0, 1), (1, 0), (1, 2), (2, 3), (3, 4)], num_nodes=5)
    task = to_links(graph, val=0.25, test=0.25)
    items = task.pairs.T.tolist()
    first, back = items.index([0, 1]), items.index([1, 0])
    rest = [i for i in range(len(items)) if i not in (first, back)]
    split = Split("own", [first, *rest[1:]], [back], [rest[0]])
    with pytest.raises(
        ValueError, match="'split' must have both directions of a pair in one split"
    ):
        replace(task, split=split)


def test_a_known_link_as_a_pair_without_one_is_refused():
    task = to_links(random_graph(False))
    y = task.y.clone()
    y[0] = 0
    with pytest.raises(ValueError, match="'y' must be 1 for the pairs with a known link"):
        replace(task, y=y)


@pytest.mark.parametrize("directed", [False, True])
def test_pairs_are_the_links_once_and_as_many_without_one(directed):
    graph = random_graph(directed)
    task = to_links(graph)
    linked = task.y[:, 0] == 1
    edges = {tuple(e) for e in graph.edge_index.T.tolist() if e[0] != e[1]}
    expected = edges if directed else {(min(e), max(e)) for e in edges}
    pairs = [tuple(pair) for pair in task.pairs.T.tolist()]
    assert sorted(pair for pair, yes in zip(pairs, linked, strict=True) if yes) == sorted(expected)
    others = [pair for pair, yes in zip(pairs, linked, strict=True) if not yes]
    assert len(others) == len(expected)
    assert len({frozenset(pair) for pair in others}) == len(others)  # distinct, and no self loop
    assert all(len({*pair}) == 2 for pair in others)
    assert not {frozenset(pair) for pair in others} & {frozenset(edge) for edge in edges}


def test_what_training_draws_is_no_known_link_and_not_evaluated():
    task = to_links(random_graph(False), val=0.1, test=0.2)
    generator = torch.Generator().manual_seed(0)
    evaluated = set()
    for split in ("val", "test"):
        evaluated |= as_sets(next(task.batches(split))[1].pairs)
    seen = []
    for _ in range(5):
        ((_, graph, y),) = task.batches("train", generator=generator)
        drawn = as_sets(graph.pairs[:, y[:, 0] == 0])
        assert len(drawn) == int((y == 0).sum()) == int((y == 1).sum())
        assert not drawn & as_sets(task.known.edge_index)
        assert not drawn & evaluated
        seen.append(frozenset(drawn))
    assert len(set(seen)) == 5
    again = torch.Generator().manual_seed(0)
    first = next(task.batches("train", generator=again))[1].pairs
    assert frozenset(as_sets(first[:, first.shape[1] // 2 :])) == seen[0]


def test_pairs_to_evaluate_are_fixed_and_hashed():
    graph = random_graph(False)
    task, same = to_links(graph, seed=3), to_links(graph, seed=3)
    assert task.pairs.equal(same.pairs)
    assert (task.data_hash, task.split.hash) == (same.data_hash, same.split.hash)
    other = task.with_seed(4)
    assert other.data_hash == task.data_hash
    assert other.split.hash != task.split.hash
    assert other.split == to_links(graph, seed=4).split
    assert task.with_seed(3) is task
    pairs = task.pairs.clone()
    pairs[:, -1] = torch.tensor([0, 1]) if [0, 1] not in pairs.T.tolist() else pairs[:, -1].flip(0)
    assert to_links(random_graph(False, seed=1)).data_hash != task.data_hash


def test_fractions():
    task = to_links(random_graph(False), val=0.1, test=0.25)
    links = int(task.y.sum())
    for split, fraction in (("val", 0.1), ("test", 0.25)):
        _, _, y = next(task.batches(split))
        assert int(y.sum()) == int((1 - y).sum()) == round(links * fraction)
    whole = to_links(random_graph(False), val=0, test=0)
    assert len(whole.split.val) == len(whole.split.test) == 0
    assert whole.graph.num_edges == whole.known.num_edges


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"val": -0.1}, "'val' must be at least 0"),
        ({"val": 0.5, "test": 0.5}, "'val' must be below 1 together with 'test'"),
        ({"x": torch.rand(3, 2)}, r"'x' must have shape \(40, 2\)"),
    ],
)
def test_bad_arguments(more, problem):
    with pytest.raises(ValueError, match=problem):
        to_links(random_graph(False), **more)


def test_graphs_without_links_or_without_other_pairs_are_refused():
    with pytest.raises(ValueError, match="'graph' must have more links than the 2"):
        to_links(gv.Graph.from_edges([], num_nodes=5))
    complete = gv.Graph.from_edges([(i, j) for i in range(5) for j in range(i)], 5)
    with pytest.raises(ValueError, match="have pairs of nodes without a link"):
        to_links(complete)
    with pytest.raises(TypeError, match="'source' must be a NodeTask or a Graph"):
        to_links(gv.data.load("digits"))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_all_pairs_that_are_not_excluded_can_be_drawn(share):
    n = 30
    first, second = torch.triu_indices(n, n, 1)
    keys = first * n + second
    excluded = keys[: int(share * len(keys))].sort().values
    left = len(keys) - len(excluded)
    for count in (1, left // 3, left, left + 5):
        pairs = draw_unlinked(count, n, excluded, raw_integers(1))
        found = (pairs[0] * n + pairs[1]).unique()
        assert pairs.shape[1] == len(found) == min(count, left)
        assert not torch.isin(found, excluded).any()


def test_a_task_brings_its_features_and_a_graph_the_identity():
    karate = gv.data.load("karate")
    task = to_links(karate, seed=2)
    assert task.x is karate.x
    assert (task.name, task.seed, task.card.kind, task.card.paper) == ("karate", 2, "link", ())
    loaded = gv.data.graphs.load("karate", task="links", seed=2)
    assert isinstance(loaded, LinkTask)
    assert (loaded.data_hash, loaded.split.hash) == (task.data_hash, task.split.hash)
    assert gv.data.load(**loaded.origin).split == loaded.split
    assert to_links(karate.graph).x.to_dense().equal(torch.eye(34))
    assert isinstance(gv.data.graphs.load("karate"), NodeTask)
    with pytest.raises(ValueError, match="'task' must be"):
        gv.data.graphs.load("karate", task="edges")
    text = task.overview()
    assert text["graph"] == "34 nodes, 78 undirected links, 34 features each"
    assert text["messages"].startswith("over 132 of 156 directed edges")


def test_batches_of_pairs():
    task = to_links(random_graph(False))
    whole = next(task.batches("train"))[1].pairs
    parts = [graph.pairs for _, graph, _ in task.batches("train", 50)]
    assert torch.cat(parts, 1).equal(whole)
    assert max(part.shape[1] for part in parts) <= 51
    generator = torch.Generator().manual_seed(0)
    drawn = list(task.batches("train", 50, generator))
    assert sum(len(y) for _, _, y in drawn) == whole.shape[1]
    assert sum(int(y.sum()) for _, _, y in drawn) == whole.shape[1] // 2
    with pytest.raises(ValueError, match="'split' must be"):
        next(task.batches("all"))


def communities():
    """Two groups of nodes with many links inside and few between."""
    generator = torch.Generator().manual_seed(0)
    group = torch.arange(60) % 2
    same = group[:, None] == group
    linked = torch.rand(60, 60, generator=generator) < torch.where(same, 0.4, 0.01)
    edges = linked.triu(1).nonzero().tolist()
    graph = gv.Graph.from_edges(edges, 60, undirected=True)
    names = tuple(f"node {i}" for i in range(60))
    return gv.Graph(graph.edge_index, 60, node_names=names), group


class TestTraining:
    def test_links_of_communities_are_found_and_ranked(self, tmp_path):
        graph, group = communities()
        task = to_links(graph)
        network = gv.models.gae(60, 16, 8)
        recipe = Recipe(epochs=60, lr=0.02)
        result = fit(network, task, recipe, seeds=2, folder=tmp_path, progress=False)
        test = result.metrics()["test"]
        assert test["rocauc"]["mean"] > 0.7
        assert test["ap"]["mean"] > 0.65
        assert gv.training.evaluate(tmp_path, task) == result.best.metrics["test"]
        found = rank_links(result.model, result.task, top=40)
        assert not found.is_known.any()
        assert not as_sets(found.pairs) & as_sets(graph.edge_index)
        assert (found.probability.diff() <= 0).all()
        inside = group[found.pairs[0]] == group[found.pairs[1]]
        assert inside.float().mean() > 0.9
        assert found.names[0] == tuple(f"node {i}" for i in found.pairs[:, 0].tolist())

    def test_a_run_is_resumed_bit_for_bit(self, tmp_path):
        task = to_links(gv.data.load("karate"))
        calls = []

        def interrupt(*_):
            calls.append(1)
            if len(calls) == 30:
                signal.raise_signal(signal.SIGINT)

        def run(folder, stop=False, **more):
            torch.manual_seed(0)
            network = gv.models.gae(34, 8, 4)
            if stop:
                network.register_forward_pre_hook(interrupt)
            recipe = Recipe(epochs=6, batch_size=40)
            return fit(network, task, recipe, 2, folder=folder, progress=False, **more)

        whole = run(tmp_path / "whole")
        with pytest.raises(Interrupted):
            run(tmp_path / "stopped", stop=True)
        resumed = run(tmp_path / "stopped", resume=True)
        assert [o.metrics for o in resumed.outcomes] == [o.metrics for o in whole.outcomes]
        assert [o.history for o in resumed.outcomes] == [o.history for o in whole.outcomes]

    def test_a_plain_network_of_a_chain_of_layers(self):
        task = to_links(gv.data.load("karate"))
        network = gv.Sequential(
            gv.GCNConv(34, 8), nn.ReLU(), gv.GCNConv(8, 4), gv.PairReadout("mlp", 4)
        )
        result = fit(network, task, Recipe(epochs=3), progress=False)
        assert result.metric == "rocauc"

    def test_a_network_without_pairs_is_refused(self):
        task = to_links(gv.data.load("karate"))
        network = gv.Sequential(gv.GCNConv(34, 1))
        with pytest.raises(ValueError, match="'model' must return a row for each item"):
            fit(network, task, Recipe(epochs=1), progress=False)

    def test_one_link_is_explained(self):
        task = to_links(gv.data.load("karate"))
        network = gv.models.gae(34, 8, 4).eval()
        one = task.graph.with_pairs(torch.tensor([[0], [33]]))
        x = task.x.to_dense()
        found = gv.explain.attribute(network, x, one, "input_gradient", target=0)
        assert found.values.shape == (34,)
        assert found.outputs.item() == network(x, one).item()


class TestRanking:
    def scores(self, task, network):
        pairs = torch.triu_indices(task.known.num_nodes, task.known.num_nodes, 1)
        with torch.no_grad():
            logits = network(task.x, task.known.with_pairs(pairs))[:, 0]
        return pairs, logits

    @pytest.mark.parametrize("last", [nn.Identity(), None])
    def test_equals_the_sorted_scores_of_all_pairs(self, last, monkeypatch):
        from gnnvision.data.graphs import link_ranking

        monkeypatch.setattr(link_ranking, "BLOCK", 100)
        task = to_links(gv.data.load("karate"))
        torch.manual_seed(0)
        network = gv.models.gae(34, 8, 4).eval()
        if last is None:  # more follows the scores, so that embeddings cannot be kept
            network = gv.Sequential(*network, nn.Tanh()).eval()
        pairs, logits = self.scores(task, network)
        known = as_sets(task.known.edge_index)
        new = [i for i, pair in enumerate(pairs.T.tolist()) if frozenset(pair) not in known]
        best = logits[new].sort(descending=True).values[:20]
        found = rank_links(network, task, top=20)
        torch.testing.assert_close(found.probability, best.sigmoid())
        assert len(rank_links(network, task, top=10_000)) == len(new) == 34 * 33 // 2 - 78

    def test_of_some_nodes(self):
        graph, _ = communities()
        task = to_links(graph)
        network = gv.models.gae(60, 8, 4).eval()
        names = ["node 7", "node 3"]
        found = rank_links(network, task, top=10_000, nodes=names)
        degree = {i: len({j for i_, j in graph.edge_index.T.tolist() if i_ == i}) for i in (3, 7)}
        linked = frozenset((3, 7)) in as_sets(graph.edge_index)
        count = 2 * 59 - 1 - sum(degree.values()) + linked
        assert len(found) == len(as_sets(found.pairs)) == count
        assert all({*pair} & {*names} for pair in found.names)

    def test_of_given_pairs_in_their_order(self):
        graph, _ = communities()
        task = to_links(graph)
        network = gv.models.gae(60, 8, 4).eval()
        source, target = graph.edge_index[:, 0].tolist()
        pairs = [("node 5", "node 0"), (f"node {source}", f"node {target}")]
        found = rank_links(network, task, pairs=pairs)
        assert found.names == pairs
        assert found.is_known.tolist()[1]
        index = rank_links(network, task, pairs=found.pairs)
        assert index.probability.equal(found.probability)
        assert len(rank_links(network, task, pairs=[])) == 0

    def test_directed_links_are_ranked_by_direction(self):
        task = to_links(random_graph(True))
        network = gv.Sequential(gv.GCNConv(40, 6), gv.PairReadout("bilinear", 6)).eval()
        found = rank_links(network, task, top=10**6)
        edges = {tuple(e) for e in task.known.edge_index.T.tolist() if e[0] != e[1]}
        assert len(found) == 40 * 39 - len(edges)
        of_node = rank_links(network, task, top=10**6, nodes=[3])
        expected = [pair for pair in found.pairs.T.tolist() if 3 in pair]
        assert sorted(of_node.pairs.T.tolist()) == sorted(expected)

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"nodes": ["nobody"]}, "'nodes' must be the names of nodes .*, got 'nobody'"),
            ({"pairs": [("node 1", 3)]}, "'pairs' must be the names of nodes .*, got 3"),
            ({"top": 0}, "'top' must be at least 1"),
            ({"nodes": [], "pairs": []}, "'pairs' must not be given together with 'nodes'"),
        ],
    )
    def test_bad_arguments(self, more, problem):
        graph, _ = communities()
        with pytest.raises(ValueError, match=problem):
            rank_links(gv.models.gae(60), to_links(graph), **more)
