"""Runs on the nodes of one graph: known nodes, new ones with their edges, other graphs."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training.checkpoint import read_checkpoint, write_checkpoint

from .graphs import NEW, NEW_EDGES, gcn, tables, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two seeds on tables, and its task."""
    folder = tmp_path_factory.mktemp("nodes") / "run"
    task = gv.data.from_tables(*tables(), label="topic")
    return train(task, gcn(task), folder, seeds=2, ensemble=True), folder


@pytest.fixture(scope="module")
def run(trained):
    return gv.load_run(trained[1], device="cpu")


def test_all_nodes_with_ids_split_and_label(run, trained):
    result, _ = trained
    found = run.predict()
    assert found.ids == tuple(f"p{i}" for i in range(60))
    assert found.header[0] == "id"
    assert found.values.sum(1).tolist() == pytest.approx([1.0] * 60, abs=1e-5)
    assert bool((found.spread >= 0).all())
    columns = found.to_dict()
    assert [columns["known label"][i] for i in (0, 10)] == ["", ""]
    assert columns["split"][0] == ""
    assert {columns["split"][i] for i in result.task.split.val} == {"val"}
    known = [i for i in range(60) if i % 10]
    assert {columns["known label"][i] for i in known} == {"red", "green", "blue"}
    assert found.predicted[0] in run.output_names
    assert len({*found.status}) == 1


def test_one_network_predicts_as_in_training(trained):
    result, folder = trained
    run = gv.load_run(folder / "checkpoints" / "best.safetensors", device="cpu")
    x, graph = result.task.x, result.task.graph
    with torch.no_grad():
        expected = result.model(x, graph).softmax(1)
    torch.testing.assert_close(run.predict().values, expected)
    some = run.predict(["p7", "p3"])
    torch.testing.assert_close(some.values, expected[[7, 3]])
    assert some.ids == ("p7", "p3")
    assert math.isnan(float(some.spread[0, 0]))


def test_the_graph_is_in_the_run_folder(run, trained):
    result, _ = trained
    assert run.task.graph.node_names == result.task.graph.node_names
    assert run.task.data_hash == result.task.data_hash
    torch.testing.assert_close(run.task.x, result.task.x)
    assert run.task.split.test.tolist() == gv.load_run(run.folder).task.split.test.tolist()
    assert run.result.values("test", "accuracy") == result.values("test", "accuracy")
    assert run.recipe.epochs == 3


def test_the_graph_of_another_run_is_refused(trained, tmp_path):
    _, folder = trained
    for name in ("best", "graph"):
        held = read_checkpoint(folder / "checkpoints" / f"{name}.safetensors")
        held.state |= {"data_hash": "0" * 64} if name == "graph" else {}
        write_checkpoint(tmp_path / f"{name}.safetensors", held)
    with pytest.raises(ValueError, match="'checkpoint' must have the graph of its run"):
        gv.load_run(tmp_path).predict()


def whole(run, network, new=NEW, edges=NEW_EDGES):
    """The outputs for new nodes of the entire new graph."""
    task = run.task
    joined = gv.data.graphs.new_nodes.encode_nodes(
        task.input_description(), task.graph, new, edges
    )
    with torch.no_grad():
        output = network(torch.cat([task.x, joined.x]), joined.graph)
    return output.softmax(1)[joined.node_of_row]


def test_new_nodes_with_their_edges(run):
    found = run.predict(nodes=NEW, edges=NEW_EDGES)
    assert found.ids == ("q1", "q2", "q3")
    expected = torch.stack([whole(run, network) for network in run.networks])
    torch.testing.assert_close(found.values, expected.mean(0))
    torch.testing.assert_close(found.spread, expected.std(0))
    assert found.to_dict()["age"] == ["3.0", "22.0", "8.0"]
    notes = " ".join(found.notes)
    assert "nodes of training with edges to new nodes: 2" in notes.lower()
    assert "within 2 hops of the new nodes" in notes


def networks(channels, classes):
    """A network of each kind of operator, with its number of hops."""

    def chain(*layers):
        return gv.Sequential(*layers)

    return {
        "gcn": (chain(gv.GCNConv(channels, 4), nn.ReLU(), gv.GCNConv(4, classes)), 2),
        "cheb": (chain(gv.ChebConv(channels, classes, 3)), 2),
        "unscaled cheb": (chain(gv.ChebConv(channels, classes, 3, normalization=None)), 2),
        "sage": (chain(gv.SAGEConv(channels, classes)), 1),
        "gat": (chain(gv.GATConv(channels, 4, heads=2), gv.GATConv(8, classes)), 2),
        "tag": (chain(gv.TAGConv(channels, classes, 2)), 2),
        "appnp": (chain(nn.Linear(channels, classes), gv.APPNP(3, 0.1)), 3),
        "norm": (
            chain(gv.GCNConv(channels, 4), gv.layers.GraphNorm(4), gv.GCNConv(4, classes)),
            None,
        ),
        "none": (chain(nn.Linear(channels, classes)), 0),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["gcn", "cheb", "unscaled cheb", "sage", "gat", "tag", "appnp", "norm", "none"],
)
def test_the_neighborhood_gives_the_numbers_of_the_whole_graph(run, name):
    """The part that is computed, and no more, for each kind of operator."""
    from gnnvision.training.dependence import hops_of

    torch.manual_seed(1)
    task = run.task
    network, hops = networks(task.in_channels, 3)[name]
    network = network.double().eval()
    joined = gv.data.graphs.new_nodes.encode_nodes(
        task.input_description(), task.graph, NEW, NEW_EDGES
    )
    graph, x = joined.graph, torch.cat([task.x, joined.x]).double()
    asked = torch.from_numpy(joined.node_of_row)
    assert hops_of(network, graph, lambda nodes: x[nodes], asked) == hops
    if hops is None:
        return
    frontier = graph.frontier(asked, hops)
    assert frontier.num_nodes < graph.num_nodes
    with torch.no_grad():
        expected = network(x, graph)[asked]
        part = network(x[frontier.nodes], frontier)
    torch.testing.assert_close(part, expected, rtol=1e-10, atol=1e-12)


def test_a_directed_graph_keeps_its_directions(tmp_path):
    nodes, edges = tables()
    task = gv.data.from_tables(nodes, edges, label="topic", undirected=False)
    train(task, gcn(task), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    found = run.predict(nodes=NEW, edges=NEW_EDGES)
    torch.testing.assert_close(found.values, whole(run, run.model))
    turned = run.predict(
        nodes=NEW, edges=dict(zip(NEW_EDGES, reversed(NEW_EDGES.values()), strict=True))
    )
    assert not torch.allclose(turned.values, found.values)


def test_labels_replaced_cells_and_known_rows_of_new_nodes(run):
    new = {**NEW, "topic": ["red", "", None], "age": [3.0, None, 8.0]}
    found = run.predict(nodes=new, edges=NEW_EDGES)
    assert found.to_dict()["known label"] == ["red", "", ""]
    assert found.status == ("ok", "changed", "ok")
    more = {"id": "p3", "age": 1.0, "word": "aa"}
    again = {name: [*cells, more[name]] for name, cells in NEW.items()}
    both = run.predict(nodes=again, edges=NEW_EDGES)
    torch.testing.assert_close(both.values[:3], run.predict(nodes=NEW, edges=NEW_EDGES).values)
    torch.testing.assert_close(both.values[3], run.predict(["p3"]).values[0])


def test_a_graph_from_tensors_takes_features(tmp_path):
    karate = gv.data.load("karate")
    task = replace(karate, name="club", card=replace(karate.card, name="club"))
    train(task, gcn(task), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    x = torch.eye(34)[[3, 5]]
    found = run.predict(nodes={"id": ["a", "b"], "x": x}, edges={"source": ["a"], "target": ["0"]})
    assert found.ids == ("a", "b")
    assert found.header[:3] == ["node", "predicted", "probability"]
    assert found.values.sum(1).tolist() == pytest.approx([1, 1], abs=1e-5)
    with pytest.raises(ValueError, match="must have 34 features as in training, got 2"):
        run.predict(nodes={"id": ["a"], "x": torch.ones(1, 2)})
    with pytest.raises(ValueError, match="'x'"):
        run.predict(nodes={"id": ["a"], "age": [1]})


def test_other_graphs(run):
    import networkx as nx

    task = run.task
    pair = run.predict((task.x, task.graph))
    torch.testing.assert_close(pair.values, run.predict().values)
    torch.testing.assert_close(run.predict(task.graph.to_pyg(task.x)).values, pair.values)
    other = nx.Graph()
    other.add_node("u", age=3.0, word="aa")
    other.add_node("v", age=21.0, word="cc")
    other.add_edge("u", "v")
    found = run.predict(other)
    assert found.ids == ("u", "v")
    assert found.num_failed == 0
    with pytest.raises(ValueError, match=r"'inputs' must have features of shape \(N=60, "):
        run.predict((task.x[:, :2], task.graph))


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"inputs": ["nope"]}, ValueError, "must be a node of .*, got 'nope'"),
        ({"nodes": {"id": ["q"], "age": [1]}}, ValueError, "'nodes' must have the column 'word'"),
        (
            {"nodes": {"id": ["q"], "age": ["x"], "word": ["a"]}}, ValueError,
            "'nodes' must have numbers in 'age', got 'x' in row 0",
        ),
        (
            {"nodes": {**NEW, "topic": ["red", "pink", ""]}}, ValueError,
            "labels that training has seen, .* got 'pink' in row 1 of 'topic'",
        ),
        (
            {"nodes": NEW, "edges": {"source": ["q1"], "target": ["zz"]}}, ValueError,
            "'edges' must name nodes .* got 'zz' in row 0",
        ),
        ({"nodes": {"id": []}}, ValueError, "'nodes' must have at least one row"),
        ({"nodes": {**NEW, "id": ["q", "q", "r"]}}, ValueError, "'id' must be different in every"),
        ({"edges": NEW_EDGES}, ValueError, "'nodes' must be given with edges"),
        ({"inputs": ["p1"], "nodes": NEW}, ValueError, "'inputs' must be None for new nodes"),
        ({"inputs": {"id": ["p1"]}}, TypeError, "'inputs' must be ids of nodes, or another graph"),
        ({"smiles": "x"}, TypeError, "'smiles' must be left out for a run on nodes"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_one_sentence(run, given, kind, text):
    with pytest.raises(kind, match=text):
        run.predict(**given)


def test_embeddings_and_explanations(run):
    rows = run.embed(["p3", "p4"])
    x, graph = run.task.x, run.task.graph
    model = run.model
    with torch.no_grad():
        hidden = model[1](x, graph).relu()
    torch.testing.assert_close(rows, hidden[[3, 4]])
    assert run.embed(["p3"], layer="4").shape == (1, 3)
    assert run.embed(nodes=NEW, edges=NEW_EDGES).shape == (3, 4)
    with pytest.raises(ValueError, match="'layer' must be a layer of the network, got 'nope'"):
        run.embed(["p3"], layer="nope")
    (found,) = run.explain("p3")
    assert list(found) == ["gradient", "input_gradient", "integrated_gradients"]
    assert found["gradient"].values.shape == (60,)
    assert found.target in run.output_names
    (one,) = run.explain(["p3"], method="gradient", target="red")
    assert (one.target, list(one)) == ("red", ["gradient"])
    with pytest.raises(ValueError, match="'target' must be an output of the network, got 'rde'"):
        run.explain("p3", target="rde")


def test_regression_of_nodes(tmp_path):
    nodes, edges = tables()
    nodes["score"] = [a / 3 + 0.123 for a in nodes["age"]]
    task = gv.data.from_tables(
        {k: v for k, v in nodes.items() if k != "topic"}, edges, label="score"
    )
    train(task, gcn(task), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    found = run.predict(["p2"])
    assert run.target_kind == "regression"
    assert found.header == [
        "id", "predicted score", "uncertainty score", "split", "known label", "status", "reason"
    ]  # fmt: skip
    assert float(found.to_dict()["known label"][0]) == pytest.approx(nodes["score"][2], abs=1e-3)
    with pytest.raises(AttributeError, match="not regression"):
        _ = found.predicted


def test_a_named_dataset_is_loaded_again(tmp_path):
    task = gv.data.load("karate", split="random", seed=3)
    result = train(task, gcn(task), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "checkpoints" / "graph.safetensors").exists()
    assert run.task.split.test.tolist() == result.task.split.test.tolist()
    assert len(run.predict()) == 34
    assert "34 of Zachary" in run.describe()["nodes"]


class Own(nn.Module):
    """A network that is not one of gnnvision.models."""

    def __init__(self, channels):
        super().__init__()
        self.layer = gv.GCNConv(channels, 3)

    def forward(self, x, graph):
        return self.layer(x, graph)


def test_a_network_of_ones_own(tmp_path):
    task = gv.data.from_tables(*tables(), label="topic")
    result = train(task, Own(task.in_channels), tmp_path / "run")
    with pytest.raises(
        ValueError, match=r"must name its network.*load_run\(path, model=network\)"
    ):
        gv.load_run(tmp_path / "run")
    run = gv.load_run(tmp_path / "run", model=Own(task.in_channels), device="cpu")
    with torch.no_grad():
        expected = result.model(task.x, task.graph).softmax(1)
    torch.testing.assert_close(run.predict().values, expected)
    torch.testing.assert_close(
        run.predict(nodes=NEW, edges=NEW_EDGES).values, whole(run, run.model)
    )
    with pytest.raises(ValueError, match="must have the weights of Own"):
        gv.load_run(tmp_path / "run", model=Own(task.in_channels + 1))
