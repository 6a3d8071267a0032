"""Every setting of a recipe acts on every kind of task, or is refused there.

A new field of `Recipe` fails here until it has an entry in `CHANGED`.
"""

import re
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data import Split
from gnnvision.training import Recipe, fit

from . import tasks

pytestmark = pytest.mark.slow

# Field -> a value other than the usual one, and what has to stand beside it.
CHANGED = {
    "epochs": (3, {}),
    "lr": (0.5, {}),
    "weight_decay": (0.5, {}),
    "weight_decay_scope": ("first", {"weight_decay": 0.5}),
    "optimizer": ("adamw", {"weight_decay": 0.5}),
    "momentum": (0.2, {"optimizer": "sgd"}),
    "lr_bias": (0.5, {}),
    "lr_head": (0.5, {}),
    "layer_decay": (0.1, {}),
    "schedule": ("cosine", {}),
    "warmup": (0.7, {"schedule": "cosine"}),
    "batch_size": (7, {}),
    "fanouts": ((3, 2), {}),
    "clusters": ((3, 1), {}),
    "class_weights": ("balanced", {}),
    "label_smoothing": (0.4, {}),
    "progressive_resizing": (0.5, {}),
    "freeze_first_block": (0.5, {}),
    "ema_decay": (0.9, {}),
    "ema_span": (0.9, {"batch_size": 20}),
    "checkpoint_selection": ("last", {"lr": 3.0, "epochs": 20}),
    "patience": (1, {"lr": 300.0, "epochs": 6}),
    "evaluate_every": ("epoch", {}),
}
KINDS = ("nodes", "pictures", "numbers", "yes or no")
REFUSED = {
    ("batch_size", "nodes"),
    *((name, kind) for name in ("fanouts", "clusters") for kind in KINDS[1:]),
    ("progressive_resizing", "nodes"),
    ("progressive_resizing", "numbers"),
    ("progressive_resizing", "yes or no"),
    ("class_weights", "numbers"),
    ("label_smoothing", "numbers"),
}


def made(kind):
    if kind == "nodes":
        task = gv.data.load("karate")
        split = task.split
        uneven = Split("own", split.train[:-2], split.val, split.test)  # for class weights
        task = replace(task, split=uneven)
        return task, gv.models.gcn(34, 4, 2)
    if kind == "pictures":
        task = gv.data.load("digits")
        task = replace(task, split=Split("own", range(40), range(40, 80), range(80, 120)))
        model = gv.Sequential(gv.Conv2d(1, 2, 3), nn.ReLU(), gv.Readout(), nn.Linear(2, 10))
        return task, model
    task = tasks.rings(60) if kind == "numbers" else tasks.labels(60)
    head = nn.Linear(4, task.num_outputs)
    return task, gv.Sequential(gv.GCNConv(2, 4), nn.ReLU(), gv.Readout("mean"), head)


def trace_of(kind, **settings):
    """All that a run leaves, apart from times."""
    task, model = made(kind)
    recipe = Recipe(**({"epochs": 2} | settings))
    result = fit(model, task, recipe, progress=False)
    weights = torch.cat([p.detach().flatten() for p in result.model.parameters()])
    best = result.best
    return best.history, best.best_epoch, best.metrics, weights.tolist()


def test_every_field_has_an_entry():
    assert set(CHANGED) == {field.name for field in fields(Recipe)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHANGED)
def test_it_acts_or_is_refused(name, kind):
    value, beside = CHANGED[name]
    beside = {other: with_it for other, with_it in beside.items() if (other, kind) not in REFUSED}
    if (name, kind) in REFUSED:
        with pytest.raises(ValueError, match=f"'{name}' must be .*, got {re.escape(str(value))}"):
            trace_of(kind, **beside, **{name: value})
        return
    assert trace_of(kind, **beside) != trace_of(kind, **beside, **{name: value})


def test_the_span_of_an_average_needs_the_number_of_steps():
    with pytest.raises(ValueError, match=r"'ema_span' must be 0 without .*, got 0\.9"):
        trace_of("pictures", ema_span=0.9)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"ema_span": 0.5, "ema_decay": 0.9}, "ema_span"),
        ({"momentum": 0.5}, "momentum"),
        ({"momentum": 0.5, "optimizer": "adamw"}, "momentum"),
        ({"weight_decay_scope": "first"}, "weight_decay_scope"),
        ({"warmup": 0.1}, "warmup"),
        ({"patience": 3, "checkpoint_selection": "last"}, "patience"),
    ],
)
def test_a_setting_without_effect_beside_the_others(settings, name):
    text = f"'{name}' must be left out .*, got {settings[name]!r}. Leave it out"
    with pytest.raises(ValueError, match=text):
        Recipe(**settings)
    # What an older version has stored can still be read.
    stored = Recipe().to_dict() | settings
    del settings[name]
    assert Recipe.from_dict(stored) == Recipe(**settings)


@pytest.mark.parametrize(
    ("settings", "model", "name"),
    [
        ({"lr_bias": 1.0}, nn.Linear(2, 2, bias=False), "lr_bias"),
        ({"lr_bias": 1.0, "lr_head": 1.0}, nn.Linear(2, 2), "lr_bias"),
        ({"layer_decay": 0.5}, nn.Sequential(nn.Linear(2, 2)), "layer_decay"),
        ({"optimizer": "muon"}, nn.Linear(2, 2), "optimizer"),
        (
            {"optimizer": "muon", "weight_decay": 0.1, "weight_decay_scope": "first"},
            nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2)),
            "weight_decay",
        ),
    ],
)
def test_a_setting_without_effect_on_the_model(settings, model, name):
    with pytest.raises(ValueError, match=f"'{name}' must have an effect on the model, got"):
        Recipe(**settings).make_optimizer(model)


def test_the_learning_rate_of_a_frozen_head():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].requires_grad_(False)
    with pytest.raises(ValueError, match="'lr_head' must have an effect on the model, got"):
        Recipe(lr_head=1.0).make_optimizer(model)
