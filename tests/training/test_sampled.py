"""Training on nodes with some of their neighbors."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import gnnvision as gv
from gnnvision.domains import Frontier
from gnnvision.training import Interrupted
from gnnvision.training.events import StepDone


def model_of(task: Any, dropout: float = 0.5) -> Any:
    torch.manual_seed(0)
    return gv.models.gcn(task.in_channels, 8, task.num_classes, dropout=dropout)


def weights(result: gv.Result) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in result.model.parameters()])


def stored(task: Any) -> Any:
    return replace(task, graph=task.graph.by_target)


def test_with_all_neighbors_training_is_that_on_the_whole_graph() -> None:
    task = gv.data.load("karate")
    kept = {"checkpoint_selection": "last"}
    whole = gv.fit(model_of(task, 0.0), task, gv.Recipe(epochs=6, **kept), progress=False)
    recipe = gv.Recipe(epochs=6, fanouts=(100, -1), batch_size=100, **kept)
    for data in (task, stored(task)):
        drawn = gv.fit(model_of(task, 0.0), data, recipe, progress=False)
        torch.testing.assert_close(weights(drawn), weights(whole), rtol=1e-4, atol=1e-6)
        for part, metrics in whole.outcomes[0].metrics.items():
            for name, value in metrics.items():
                assert drawn.outcomes[0].metrics[part][name] == pytest.approx(value, rel=1e-4)


def test_batches_of_a_task() -> None:
    task = replace(gv.data.load("karate"), fanouts=(2, 1))
    nodes = []
    for x, frontier, y in task.batches("train", 2, torch.Generator().manual_seed(0)):
        assert isinstance(frontier, Frontier)
        assert len(x) == frontier.num_nodes
        assert torch.equal(y, task.y[frontier.wanted])
        nodes += frontier.wanted.tolist()
    assert sorted(nodes) == sorted(task.split.train)
    first, again = (next(iter(task.batches("val", 8)))[1].nodes for _ in range(2))
    assert torch.equal(first, again)
    generator = torch.Generator().manual_seed(0)
    epochs = [[f.nodes.tolist() for _, f, _ in task.batches("train", 4, generator)] for _ in "ab"]
    assert epochs[0] != epochs[1]


def test_the_final_metrics_are_those_of_the_whole_graph() -> None:
    task = gv.data.load("karate")
    recipe = gv.Recipe(epochs=4, fanouts=(2, 2), batch_size=3)
    result = gv.fit(model_of(task), stored(task), recipe, progress=False)
    with torch.no_grad():
        output = result.model(task.x, task.graph)
    test = torch.tensor(task.split.test)
    accuracy = (output[test].argmax(1) == task.y[test]).float().mean().item()
    assert result.outcomes[0].metrics["test"]["accuracy"] == pytest.approx(accuracy)


def test_resumed_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    task = gv.data.load("karate")
    recipe = gv.Recipe(epochs=4, fanouts=(2, 2), batch_size=2)
    expected = weights(gv.fit(model_of(task), task, recipe, progress=False))
    steps = 0

    def stop(event: object) -> None:
        nonlocal steps
        steps += isinstance(event, StepDone)
        if steps == 5:
            raise KeyboardInterrupt

    with pytest.raises((Interrupted, KeyboardInterrupt)):
        gv.fit(
            model_of(task), task, recipe, folder=tmp_path, callbacks=[stop], progress=False,
            save_every=0,
        )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed = gv.fit(
            model_of(task), task, recipe, folder=tmp_path, resume=True, progress=False
        )
    assert torch.equal(weights(resumed), expected)


@pytest.mark.parametrize(
    ("recipe", "error", "match"),
    [
        ({"fanouts": "15"}, TypeError, "'fanouts' must be a list of integers"),
        ({"fanouts": (1.5,)}, TypeError, "'fanouts' must have integers"),
        ({"fanouts": (0, 2)}, ValueError, "'fanouts' must have positive numbers, or -1"),
        ({"fanouts": (3,)}, ValueError, r"'fanouts' must have 2 numbers, one for each hop"),
        ({"batch_size": 5}, ValueError, "for the nodes of one graph without 'fanouts'"),
    ],
)
def test_wrong_settings(recipe: Any, error: type[Exception], match: str) -> None:
    task = gv.data.load("karate")
    with pytest.raises(error, match=match):
        gv.fit(model_of(task), task, gv.Recipe(epochs=1, **recipe), progress=False)


def test_a_stored_graph_needs_fanouts_and_images_have_none() -> None:
    task = stored(gv.data.load("karate"))
    with pytest.raises(ValueError, match="'fanouts' must be given for a graph that is not held"):
        gv.fit(model_of(task), task, gv.Recipe(epochs=1), progress=False)
    with pytest.raises(ValueError, match="'fanouts' must be given for a stored graph"):
        task.batches("train")
    images = gv.data.load("digits")
    recipe = gv.Recipe(epochs=1, fanouts=(3,))
    with pytest.raises(ValueError, match="'fanouts' must be None for a"):
        gv.fit(torch.nn.Flatten(), images, recipe, progress=False)


def test_a_recipe_with_fanouts_is_written_and_read() -> None:
    recipe = gv.Recipe(fanouts=[15, -1])
    assert gv.Recipe.from_dict(recipe.to_dict()) == recipe == gv.Recipe(fanouts=(15, -1))


def test_all_clusters_in_a_batch_are_the_whole_graph() -> None:
    task = gv.data.load("karate")
    kept = {"checkpoint_selection": "last"}
    whole = gv.fit(model_of(task, 0.0), task, gv.Recipe(epochs=6, **kept), progress=False)
    recipe = gv.Recipe(epochs=6, clusters=(4, 4), **kept)
    for data in (task, stored(task)):
        found = gv.fit(model_of(task, 0.0), data, recipe, progress=False)
        torch.testing.assert_close(weights(found), weights(whole), rtol=1e-4, atol=1e-6)
        assert found.outcomes[0].metrics["test"] == pytest.approx(
            whole.outcomes[0].metrics["test"], rel=1e-4
        )


def test_batches_of_clusters() -> None:
    task = replace(gv.data.load("karate"), clusters=(5, 2))
    known = set(task.split.train)
    epochs = []
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        nodes = []
        for x, frontier, y in task.batches("train", generator=generator):
            assert frontier.is_enclosed
            assert torch.equal(x.to_dense(), task.x.to_dense()[frontier.nodes])
            assert (y != -100).any()
            expected = [int(task.y[n]) if n in known else -100 for n in frontier.nodes.tolist()]
            assert y.tolist() == expected
            nodes.append(frontier.nodes.tolist())
        seen = [node for batch in nodes for node in batch]
        assert known <= set(seen)
        assert len(seen) == len(set(seen))
        epochs.append(nodes)
    assert epochs[0] != epochs[1]
    first, again = (next(iter(task.batches("val")))[1].nodes for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"clusters": (3,)}, TypeError, "'clusters' must be two integers"),
        ({"clusters": (3, 4)}, ValueError, "'clusters' must have no more in a batch than in all"),
        ({"clusters": (3, 0)}, ValueError, "'clusters' must be at least 1, got 0"),
        ({"clusters": (3, 1), "fanouts": (2,)}, ValueError, "'fanouts' must be left out with"),
        ({"clusters": (3, 1), "batch_size": 2}, ValueError, "'batch_size' must be left out with"),
    ],
)
def test_wrong_clusters(settings: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        gv.Recipe(**settings)


def test_clusters_are_for_the_nodes_of_a_graph() -> None:
    recipe = gv.Recipe(epochs=1, clusters=[3, 1])
    assert gv.Recipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(ValueError, match="'clusters' must be None for a"):
        gv.fit(torch.nn.Flatten(), gv.data.load("digits"), recipe, progress=False)
    with pytest.raises(ValueError, match="'clusters' must be given alone"):
        replace(gv.data.load("karate"), clusters=(3, 1), hops=2)
