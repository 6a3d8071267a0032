"""The metrics of every kind of task, also where they are undefined."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gnnvision.training.objective import objective

from . import tasks

NAMES = ("a", "b", "c")
MISSING = torch.nan


def goal_of(kind):
    made = {
        "classification": tasks.pictures,
        "regression": tasks.rings,
        "multilabel": tasks.labels,
    }
    return objective(made[kind](20))


def undefined(figures):
    return {name for name, value in figures.items() if math.isnan(value)}


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_ranking(label):
    goal, output = goal_of("multilabel"), torch.randn(6, 1)
    target = torch.full((6, 1), label)
    target[3] = MISSING
    figures = goal.metrics(output, target)
    assert undefined(figures) == {"rocauc", "average_precision"}
    assert figures["loss"] > 0
    why = goal.remarks(output, target, ("act",))["rocauc"]
    assert why == f"there is only one class: all 5 known labels are {label:.0f}"


def test_the_mean_is_over_the_targets_with_both_classes():
    from sklearn.metrics import average_precision_score, roc_auc_score

    goal, output = goal_of("multilabel"), torch.randn(8, 3)
    target = torch.tensor([[0, 1, 0], [1, 1, 0]]).float().repeat(4, 1)
    target[:, 2] = MISSING
    figures = goal.metrics(output, target)
    assert figures["rocauc"] == pytest.approx(roc_auc_score(target[:, 0], output[:, 0]))
    expected = average_precision_score(target[:, 0], output[:, 0])
    assert figures["average_precision"] == pytest.approx(expected)
    over = "the mean over 1 of 3 targets: the others have one class"
    assert goal.remarks(output, target, NAMES)["rocauc"] == over
    target[:, 0] = 1
    assert undefined(goal.metrics(output, target)) == {"rocauc", "average_precision"}
    why = goal.remarks(output, target, NAMES)["rocauc"]
    assert why == "none of the 3 targets has both classes"


@pytest.mark.parametrize(
    ("kind", "output", "target"),
    [
        ("classification", torch.randn(0, 2), torch.empty(0, dtype=torch.int64)),
        ("regression", torch.randn(0, 1), torch.empty(0, 1)),
        ("regression", torch.randn(3, 2), torch.full((3, 2), MISSING)),
        ("multilabel", torch.randn(0, 2), torch.empty(0, 2)),
        ("multilabel", torch.randn(3, 2), torch.full((3, 2), MISSING)),
    ],
)
def test_without_a_known_target_all_is_undefined(kind, output, target):
    goal = goal_of(kind)
    figures = goal.metrics(output, target)
    assert undefined(figures) == set(figures) == set(goal.names)
    assert set(goal.remarks(output, target, NAMES).values()) == {"no target is known"}
    loss = goal.loss(output.requires_grad_(), target)
    loss.backward()  # a step of training on nothing moves nothing
    assert loss.item() == 0
    assert not output.grad.any()


@pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
def test_outputs_that_are_no_numbers_have_no_figures(kind):
    goal, output = goal_of(kind), torch.full((4, 2), torch.nan)
    target = torch.tensor([0, 1, 0, 1])
    if kind != "classification":
        target = torch.stack([target, 1 - target], 1).float()
    figures = goal.metrics(output, target)
    assert undefined(figures) == set(figures)
    why = set(goal.remarks(output, target, NAMES).values())
    assert why == {"the network's outputs are NaN"}


def test_f1_is_over_the_classes_that_occur():
    from sklearn.metrics import f1_score

    goal = goal_of("classification")
    target = torch.tensor([0, 0, 1, 1])
    output = F.one_hot(torch.tensor([0, 1, 1, 1]), 3).float()
    figures = goal.metrics(output, target)
    expected = f1_score(target, output.argmax(1), average="macro")
    assert figures["f1_macro"] == pytest.approx(expected)
    assert "2 of 3 classes" in goal.remarks(output, target, NAMES)["f1_macro"]
    output[0] = torch.tensor([0.0, 0.0, 1.0])  # predicted once, and wrong: that F1 is 0
    assert goal.metrics(output, target)["f1_macro"] < figures["f1_macro"]
    assert goal.remarks(output, target, NAMES) == {}


def test_r2_is_over_the_targets_that_vary():
    from sklearn.metrics import r2_score

    goal = goal_of("regression")
    output = torch.randn(6, 3)
    target = torch.randn(6, 3) * torch.tensor([1e-9, 1.0, 1.0])
    target[:, 1] = 0.1
    target[:, 2] = MISSING
    figures = goal.metrics(output, target)
    y, guess = target[:, 0].double(), output[:, 0].double()
    assert figures["r2"] == pytest.approx(r2_score(y, guess))
    known = (output - target)[:, :2].double()
    assert figures["rmse"] == pytest.approx(float(known.square().mean(0).sqrt().mean()))
    remarks = goal.remarks(output, target, NAMES)
    assert remarks["r2"] == "the mean over 1 of 3 targets: the others do not vary"
    assert "2 of 3 targets" in remarks["rmse"]


@pytest.mark.parametrize("rows", [[[2.0]], [[2.0]] * 5])
def test_one_row_and_equal_rows_have_no_r2(rows):
    goal, target = goal_of("regression"), torch.tensor(rows)
    figures = goal.metrics(torch.zeros_like(target), target)
    assert undefined(figures) == {"r2"}
    assert (figures["rmse"], figures["mae"]) == (2, 2)


def test_a_missing_target_does_not_hide_a_bad_prediction():
    goal = goal_of("regression")
    target = torch.tensor([[1.0], [MISSING]])
    assert math.isnan(goal.score(torch.tensor([[torch.nan], [1.0]]), target))


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
def test_smoothed_yes_and_no_are_those_of_two_classes(smoothing):
    """Binary cross-entropy of a logit z is cross-entropy of the classes' logits (0, z)."""
    goal, output = goal_of("multilabel"), torch.randn(9, 1)
    target = torch.randint(0, 2, (9, 1)).float()
    target[4] = MISSING
    here = ~target[:, 0].isnan()
    two = torch.cat([torch.zeros_like(output), output], 1)[here]
    expected = F.cross_entropy(two, target[here, 0].long(), label_smoothing=smoothing)
    torch.testing.assert_close(goal.loss(output, target, smoothing), expected)


def test_the_loss_is_the_mean_over_known_targets():
    goal = objective(replace(tasks.rings(20), y=torch.ones(20, 2)))
    output, target = torch.randn(5, 2), torch.randn(5, 2)
    target[1, 0] = target[4, 1] = MISSING
    expected = np.nanmean(np.square((output - target).numpy()))
    assert float(goal.loss(output, target)) == pytest.approx(float(expected), rel=1e-6)
    assert goal.counts([target, target[:1]]) == [8, 2]
