"""Seeds side by side on a pretended GPU: what each gives alone, from one captured step."""

import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import side_by_side
from gnnvision.training.captured import WARM_UP, Captured

from . import tasks

SEEDS = [2, 0, 7]


def graph_network(task):
    return gv.Sequential(
        gv.Dropout(0.4),
        gv.GCNConv(task.in_channels, 8, bias=False),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.5),
        gv.GCNConv(8, task.num_classes),
    )


def image_network(task):
    return nn.Sequential(
        gv.Conv2d(3, 6, 3, padding="same", bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        gv.Dropout(0.3),
        nn.Linear(6, task.num_outputs),
    )


CASES = {
    "nodes": (tasks.nodes, graph_network, {"epochs": 8, "weight_decay": 5e-4}),
    "a schedule and an average": (
        tasks.nodes,
        graph_network,
        {"epochs": 8, "schedule": "cosine", "ema_decay": 0.9, "optimizer": "sgd"},
    ),
    "images": (tasks.images, image_network, {"epochs": 2, "batch_size": 8, "lr": 0.003}),
    "patience": (tasks.nodes, graph_network, {"epochs": 30, "patience": 3, "lr": 0.05}),
}


@pytest.fixture
def captured(monkeypatch):
    """The captured steps of all groups, in order."""
    found = []

    class Watched(Captured):
        def __init__(self, *args, **named):
            super().__init__(*args, **named)
            found.append(self)

    monkeypatch.setattr(side_by_side, "Captured", Watched)
    return found


def fit(model, task, recipe, group, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return gv.fit(
            model, task, recipe, SEEDS, device="cuda", precision="float32", progress=False,
            group=group, **more,
        )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_seed_gives_what_it_gives_alone(case, gpu, captured):
    make, network, settings = CASES[case]
    task, recipe = make(), gv.Recipe(**{"lr": 1e-2, **settings})
    model = network(task)
    alone = fit(model, task, recipe, 1)
    assert not captured
    found = fit(model, task, recipe, 3)
    assert [step.reason for step in captured] == [""] * len(captured)
    assert captured[0].replays >= recipe.epochs - WARM_UP - 1 or case == "patience"
    for one, other in zip(found.outcomes, alone.outcomes, strict=True):
        assert (one.epochs, one.best_epoch) == (other.epochs, other.best_epoch)
        for row, like in zip(one.history, other.history, strict=True):
            assert row == pytest.approx(like, abs=2e-3)
        torch.testing.assert_close(one.prediction, other.prediction, atol=2e-3, rtol=0)


def test_a_group_resumes_with_the_same_bits(gpu, captured, tmp_path):
    task, recipe = tasks.nodes(), gv.Recipe(epochs=8, lr=1e-2)
    model = graph_network(task)
    whole = fit(model, task, recipe, 3)

    def stop(event):
        if isinstance(event, gv.training.events.EpochDone) and event.row["epoch"] == 5:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit(model, task, recipe, 3, folder=tmp_path / "run", callbacks=[stop])
    resumed = fit(model, task, recipe, 3, folder=tmp_path / "run", resume=True)
    assert [o.history for o in resumed.outcomes] == [o.history for o in whole.outcomes]


def test_seeds_alone_after_a_refusal_give_what_they_give_alone(gpu):
    """A module that draws its own numbers: the numbers of each seed are restored."""

    class Draws(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = gv.GCNConv(34, 2)

        def forward(self, x, graph):
            y = self.conv(x, graph)
            return y + torch.rand_like(y) if self.training else y

    task, recipe = tasks.nodes(), gv.Recipe(epochs=3)
    alone = fit(Draws, task, recipe, 1)
    with pytest.warns(UserWarning, match="one after the other"):
        found = gv.fit(
            Draws, task, recipe, SEEDS, device="cuda", precision="float32", progress=False, group=3
        )
    assert [o.history for o in found.outcomes] == [o.history for o in alone.outcomes]
