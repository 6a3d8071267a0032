"""Recipes: what they refuse, how they print, which optimizer they make."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import Recipe
from gnnvision.training.recipe import with_current_names


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"epochs": 0}, ValueError, "'epochs' must be at least 1, got 0"),
        (
            {"epochs": 10**400},
            ValueError,
            "'epochs' must be at most 9223372036854775807, got 1000",
        ),
        ({"lr": 10**400}, ValueError, "'lr' must be finite, got 1000"),
        ({"epochs": 2.5}, TypeError, "'epochs' must be an integer, got float"),
        ({"lr": -1.0}, ValueError, "'lr' must be at least 0, got -1.0"),
        ({"lr": float("nan")}, ValueError, "'lr' must be at least 0, got nan"),
        ({"lr": "fast"}, TypeError, "'lr' must be a number, got str"),
        ({"label_smoothing": 2}, ValueError, "'label_smoothing' must be from 0 to 1, got 2"),
        ({"optimizer": "lion"}, ValueError, "'optimizer' must be one of 'adam', 'adamw', 'sgd'"),
        (
            {"checkpoint_selection": "test"},
            ValueError,
            "'checkpoint_selection' must be one of 'score', 'loss', 'last', got 'test'",
        ),
        (
            {"weight_decay_scope": "some"},
            ValueError,
            "'weight_decay_scope' must be one of 'all', 'first'",
        ),
        ({"patience": 0}, ValueError, "'patience' must be at least 1"),
        ({"batch_size": 0}, ValueError, "'batch_size' must be at least 1"),
        ({"freeze_first_block": 2}, ValueError, "'freeze_first_block' must be from 0 to 1, got 2"),
        (
            {"progressive_resizing": 1.5},
            ValueError,
            "'progressive_resizing' must be from 0 to 1, got 1.5",
        ),
        (
            {"progressive_resizing": (0.4, 0.75)},
            TypeError,
            "'progressive_resizing' must be a number, or pairs .fraction, scale., got float",
        ),
        (
            {"progressive_resizing": ((0.4, "small"),)},
            TypeError,
            "'progressive_resizing' must have numbers in its pairs, got str",
        ),
        (
            {"progressive_resizing": ((0.4, 1.5),)},
            ValueError,
            "'progressive_resizing' must have fractions above 0 .*, got .0.4, 1.5.",
        ),
        (
            {"progressive_resizing": ((0.6, 0.5), (0.6, 0.75))},
            ValueError,
            "'progressive_resizing' must have fractions that sum to at most 1, got 1.2",
        ),
    ],
)
def test_refused(options, error, text):
    with pytest.raises(error, match=text):
        Recipe(**options)


def test_the_whole_of_what_was_asked_survives_json():
    recipe = Recipe(
        epochs=7, lr=0.5, weight_decay_scope="first", weight_decay=1e-4, patience=3, batch_size=8
    )
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert "weight_decay 0.0001, weight_decay_scope first" in str(recipe)
    assert "patience 3" in str(recipe)


def test_stages_of_progressive_resizing():
    recipe = Recipe(epochs=8, progressive_resizing=[[0.375, 0.75], (0.25, 0.875)])
    scales = [recipe.image_scale(epoch) for epoch in range(8)]
    assert scales == [0.75] * 3 + [0.875] * 2 + [1.0] * 3
    stored = recipe.to_dict()
    assert stored["progressive_resizing"] == [[0.375, 0.75], [0.25, 0.875]]
    assert Recipe.from_dict(json.loads(json.dumps(stored))) == recipe
    assert "progressive_resizing ((0.375, 0.75), (0.25, 0.875))" in str(recipe)
    one = Recipe(epochs=9, progressive_resizing=0.25)
    assert [one.image_scale(epoch) for epoch in range(9)] == [0.75] * 3 + [1.0] * 6
    assert Recipe(epochs=2).image_scale(0) == 1.0


def test_the_span_of_an_average_is_a_fraction_of_the_steps():
    recipe = Recipe(ema_span=1 / 16)
    assert recipe.average_decay(800) == pytest.approx(0.98)
    assert recipe.average_decay(24) == pytest.approx(1 - 16 / 24)
    assert recipe.average_decay(8) == recipe.average_decay(0) == 0.0, "no averaging"
    assert Recipe(ema_decay=0.9).average_decay(8) == 0.9
    assert Recipe().average_decay(8) == 0.0


def test_epochs_in_which_the_first_block_is_frozen():
    recipe = Recipe(epochs=5, freeze_first_block=0.4)
    assert [recipe.freezes_first_block(epoch) for epoch in range(5)] == [False] * 3 + [True] * 2
    assert not any(Recipe(epochs=5).freezes_first_block(epoch) for epoch in range(5))


OLD_NAMES = {
    "decay": ("weight_decay_scope", "first"),
    "depth_decay": ("layer_decay", 0.5),
    "coarse": ("progressive_resizing", 0.5),
    "averaging": ("ema_decay", 0.5),
    "select": ("checkpoint_selection", "loss"),
}


@pytest.mark.parametrize("old", OLD_NAMES)
def test_the_old_name_of_a_field_still_works(old):
    new, value = OLD_NAMES[old]
    current = Recipe(weight_decay=0.1, **{new: value})
    assert Recipe(weight_decay=0.1, **{old: value}) == current
    assert getattr(current, old) == value
    assert replace(Recipe(weight_decay=0.1), **{old: value}) == current
    stored = current.to_dict()
    assert new in stored
    assert old not in stored
    stored[old] = stored.pop(new)
    assert Recipe.from_dict(stored) == current
    with pytest.raises(TypeError, match=f"'{old}' must not be given together with '{new}'"):
        Recipe(weight_decay=0.1, **{old: value, new: value})


def test_old_names_inside_what_json_held():
    stored = {"seeds": [1], "head": {"select": "last", "lr": 0.1}}
    assert with_current_names(stored) == {
        "seeds": [1],
        "head": {"checkpoint_selection": "last", "lr": 0.1},
    }


def test_decay_of_the_first_convolution_only():
    model = gv.models.gcn(5, 4, 3)
    groups = (
        Recipe(weight_decay=0.1, weight_decay_scope="first").make_optimizer(model).param_groups
    )
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in model[1].parameters()}
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in model[4].parameters()}


def test_frozen_parameters_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    (group,) = Recipe().make_optimizer(model).param_groups
    assert len(group["params"]) == 2
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="'model' must have trainable parameters"):
        Recipe().make_optimizer(model)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimizers(name, kind):
    optimizer = Recipe(optimizer=name).make_optimizer(nn.Linear(2, 2))
    assert isinstance(optimizer, kind)
    assert type(optimizer).__name__ == kind.__name__


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(), [1, 1, 1]),
        (Recipe(schedule="cosine"), [1, 0.5, 0]),
        (Recipe(schedule="one_cycle"), [1, 0.5, 0]),
        (Recipe(schedule="one_cycle", warmup=0.5), [0, 1, 0]),
        (Recipe(schedule="cosine", warmup=1.0), [0, 0.5, 1]),
    ],
)
def test_the_learning_rate_over_a_training(recipe, expected):
    found = [recipe.lr_factor(progress) for progress in (0, 0.5, 1)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_cosine_is_that_of_torch():
    recipe = Recipe(schedule="cosine", epochs=10)
    optimizer = recipe.make_optimizer(nn.Linear(2, 2))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for epoch in range(10):
        assert schedule.get_last_lr()[0] == pytest.approx(recipe.lr * recipe.lr_factor(epoch / 10))
        optimizer.step()
        schedule.step()


def test_biases_and_head_have_learning_rates_of_their_own():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    groups = Recipe(lr=1.0, lr_bias=2.0, lr_head=3.0).make_optimizer(model).param_groups
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert [rates[id(p)] for p in model.parameters()] == [1.0, 2.0, 3.0, 3.0]
