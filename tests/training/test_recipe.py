"""Recipes: what they refuse, how they print, which optimiser they make."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import Recipe


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"epochs": 0}, ValueError, "'epochs' must be at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "'epochs' must be an integer, got 2.5"),
        ({"lr": -1.0}, ValueError, "'lr' must be at least 0, got -1.0"),
        ({"lr": float("nan")}, ValueError, "'lr' must be at least 0, got nan"),
        ({"lr": "fast"}, TypeError, "'lr' must be a number, got 'fast'"),
        ({"label_smoothing": 2}, ValueError, "'label_smoothing' must be from 0 to 1, got 2"),
        ({"optimizer": "lion"}, ValueError, "'optimizer' must be one of adam, adamw, sgd"),
        ({"select": "test"}, ValueError, "'select' must be one of score, loss, last, got 'test'"),
        ({"decay": "some"}, ValueError, "'decay' must be one of all, first"),
        ({"patience": 0}, ValueError, "'patience' must be at least 1"),
        ({"batch_size": 0}, ValueError, "'batch_size' must be at least 1"),
    ],
)
def test_refused(options, error, text):
    with pytest.raises(error, match=text):
        Recipe(**options)


def test_the_whole_of_what_was_asked_survives_json():
    recipe = Recipe(epochs=7, lr=0.5, decay="first", weight_decay=1e-4, patience=3, batch_size=8)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert "weight_decay 0.0001 on first" in str(recipe)
    assert "patience 3" in str(recipe)


def test_decay_of_the_first_convolution_only():
    model = gv.models.gcn(5, 4, 3)
    groups = Recipe(weight_decay=0.1, decay="first").make_optimizer(model).param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in model[1].parameters()}
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in model[4].parameters()}


def test_frozen_parameters_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    (group,) = Recipe().make_optimizer(model).param_groups
    assert len(group["params"]) == 2
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="'model' must have parameters to learn"):
        Recipe().make_optimizer(model)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimizers(name, kind):
    assert type(Recipe(optimizer=name).make_optimizer(nn.Linear(2, 2))) is kind


def test_cosine_ends_at_zero():
    recipe = Recipe(schedule="cosine", epochs=10)
    optimizer = recipe.make_optimizer(nn.Linear(2, 2))
    schedule = recipe.make_schedule(optimizer)
    for _ in range(10):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
