"""A run on a graph on disk predicts, embeds, explains and reports as one in memory."""

from pathlib import Path

import pytest
import torch

import gnnvision as gv
from gnnvision.report.observe import observe
from gnnvision.runs import stored_nodes
from gnnvision.runs.embedding import embed
from gnnvision.training import evaluate


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a run with two seeds, of a graph on disk whose nodes have names."""
    place = tmp_path_factory.mktemp("run")
    club = gv.data.load("karate")
    with gv.data.GraphWriter(place / "club", 34) as writer:
        writer.add_edges(*club.graph.edge_index)
        writer.add_nodes(x=club.x.to_dense(), y=club.y, ids=[f"p{n}" for n in range(34)])
        writer.finish(class_names=club.class_names, is_undirected=True)
    task = gv.data.load(place / "club")
    model = gv.models.gcn(task.in_channels, 8, 2)
    recipe = gv.Recipe(epochs=3, lr=0.05, fanouts=(3, 3), batch_size=8)
    options = {"folder": place / "run", "ensemble": True, "progress": False}
    result = gv.fit(model, task, recipe, seeds=2, **options)
    return result, place / "run"


@pytest.fixture
def run(saved):
    return gv.load_run(saved[1], device="cpu")


def whole(run):
    """The predictions by the networks on the graph in memory."""
    graph = gv.Graph.from_stored(run.task.graph)
    with torch.no_grad():
        outputs = [network(run.task.x, graph).softmax(1) for network in run.networks]
    return torch.stack(outputs).mean(0)


def test_the_checkpoint_has_neither_the_graph_nor_the_split(saved, run):
    assert not (saved[1] / "checkpoints/graph.safetensors").exists()
    assert "train" not in run.about["split"]
    assert run.task.split.hash == run.about["split"]["hash"]


@pytest.mark.parametrize("rows", [5, 34, 2**16])
def test_all_nodes_in_blocks(run, monkeypatch, rows):
    monkeypatch.setattr(stored_nodes, "ROWS", rows)
    monkeypatch.setattr(stored_nodes, "MOST_HELD", 10)
    found = run.predict()
    torch.testing.assert_close(found.values, whole(run), rtol=1e-5, atol=1e-6)
    assert found.ids == tuple(f"p{n}" for n in range(34))
    splits = [found.after["split"].count(name) for name in ("train", "val", "test")]
    assert splits == [*run.task.split.sizes.values()]


def test_some_nodes_by_their_ids(run):
    wanted = whole(run)
    some = run.predict(["p3", "p33", 7, "p3"])
    torch.testing.assert_close(some.values, wanted[[3, 33, 7, 3]], rtol=1e-5, atol=1e-6)
    many = run.predict([f"p{n}" for n in range(20)])
    torch.testing.assert_close(many.values, wanted[:20], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"'input' must be a node of .* got 'p99'"):
        run.predict("p99")


def test_new_nodes_need_a_graph_in_memory(run):
    with pytest.raises(ValueError, match="must be held in memory for this"):
        run.predict(nodes={"id": ["new"]}, edges={"source": ["new"], "target": ["p1"]})


def test_embeds(run):
    graph = gv.Graph.from_stored(run.task.graph)
    wanted = embed(run.model, run.task.x, graph)[[4, 0, 4]]
    torch.testing.assert_close(run.embed(["p4", "p0", "p4"]), wanted)


def test_explains_on_a_part_of_the_graph(run):
    (found,) = run.explain("p5")
    part = found.input.domain
    assert part.node_names[0] == "p5"
    assert part.num_nodes <= 34
    graph = gv.Graph.from_stored(run.task.graph)
    x = run.task.x.clone().requires_grad_()
    run.model(x, graph)[5, found["gradient"].target].sum().backward()
    numbers = [int(name[1:]) for name in part.node_names]
    wanted = x.grad.abs().amax(1)[numbers]
    torch.testing.assert_close(found["gradient"].values.float(), wanted, rtol=1e-4, atol=1e-6)


def test_evaluates_and_observes(saved, run):
    result = saved[0]
    again = evaluate(saved[1], run.task, part="test")
    assert again == pytest.approx(result.best.metrics["test"])
    seen = observe(run.task, run.model)
    assert len(seen.target) == len(run.task.split.test)
    assert seen.hidden.shape == (len(seen.target), 8)


def test_a_moved_or_changed_graph_is_named(run, saved, tmp_path: Path):
    about = run.task.origin["name"]
    Path(about).rename(tmp_path / "moved")
    try:
        with pytest.raises((FileNotFoundError, ValueError)):
            gv.load_run(saved[1], device="cpu").predict()
    finally:
        (tmp_path / "moved").rename(about)
