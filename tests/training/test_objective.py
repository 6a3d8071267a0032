"""The metrics of every kind of task, also where they are undefined."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.data import NodeTask, Split
from gnnvision.training import Metric, Recipe
from gnnvision.training.class_weights import class_weights
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
    assert undefined(figures) == {"rocauc", "ap", "balanced_accuracy"}
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
    assert figures["ap"] == pytest.approx(expected)
    over = "the mean over 1 of 3 targets: the others have one class"
    assert goal.remarks(output, target, NAMES)["rocauc"] == over
    target[:, 0] = 1
    assert undefined(goal.metrics(output, target)) == {"rocauc", "ap", "balanced_accuracy"}
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

    goal = objective(replace(tasks.pictures(20), num_outputs=3, class_names=NAMES))
    target = torch.tensor([0, 0, 1, 1])
    output = F.one_hot(torch.tensor([0, 1, 1, 1]), 3).float()
    figures = goal.metrics(output, target)
    expected = f1_score(target, output.argmax(1), average="macro")
    assert figures["f1_macro"] == pytest.approx(expected)
    assert "2 of 3 classes" in goal.remarks(output, target, NAMES)["f1_macro"]
    output[0] = torch.tensor([0.0, 0.0, 1.0])  # predicted once, and wrong: that F1 is 0
    assert goal.metrics(output, target)["f1_macro"] < figures["f1_macro"]
    over = "the mean over 2 of 3 classes: the others have no label"
    assert goal.remarks(output, target, NAMES) == {"balanced_accuracy": over}


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


class TestClassWeights:
    def test_balanced_is_inverse_to_the_counts_in_training(self):
        task = gv.data.load("digits")
        task = replace(task, split=Split("own", range(1000), range(1000, 1200), range(1200, 1797)))
        weights = class_weights(task, Recipe(class_weights="balanced"))
        counts = torch.bincount(task.y[:1000], minlength=10)
        torch.testing.assert_close(weights, 1000 / (10 * counts))
        output, target = torch.randn(50, 10), torch.randint(0, 10, (50,))
        for smoothing in (0.0, 0.2):
            found = objective(task, Recipe(class_weights="balanced")).loss(
                output, target, smoothing
            )
            expected = F.cross_entropy(output, target, weights, label_smoothing=smoothing)
            torch.testing.assert_close(found, expected)

    def test_of_binary_targets_are_those_of_the_positives(self):
        task = tasks.labels(40)
        y = torch.zeros_like(task.y)
        train = task.split.train.tolist()
        y[train[:3], 0] = 1
        y[train[:9], 1] = 1
        y[train[9]] = MISSING
        task = replace(task, y=y)
        known = len(train) - 1
        recipe = Recipe(class_weights="balanced")
        weights = class_weights(task, recipe)
        torch.testing.assert_close(weights, torch.tensor([(known - 3) / 3, (known - 9) / 9]))
        output, target = torch.randn(9, 2), torch.randint(0, 2, (9, 2)).float()
        found = objective(task, recipe).loss(output, target)
        expected = F.binary_cross_entropy_with_logits(output, target, pos_weight=weights)
        torch.testing.assert_close(found, expected)

    def test_a_class_without_training_items_has_the_weight_1(self):
        task = tasks.pictures(20)
        task = replace(task, num_outputs=3, class_names=NAMES)
        weights = class_weights(task, Recipe(class_weights="balanced"))
        assert weights[2] == 1
        assert weights.isfinite().all()

    @pytest.mark.parametrize(
        ("made", "weights", "problem"),
        [
            (tasks.rings, "balanced", "be 'none' for a regression task"),
            (tasks.pictures, (1, 2, 3), "one weight for each of the 2 classes, got 3"),
            (tasks.labels, (1, 2, 3), "one weight for each of the 2 targets, got 3"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, made, weights, problem):
        with pytest.raises(ValueError, match=f"'class_weights' must .*{problem}"):
            objective(made(20), Recipe(class_weights=weights))

    @pytest.mark.parametrize("value", [(1, 0), (1, math.inf), "heavy"])
    def test_values_that_are_no_weights_are_refused(self, value):
        with pytest.raises(ValueError, match="'class_weights' must"):
            Recipe(class_weights=value)

    def test_a_recipe_survives_its_file(self):
        for weights in ("none", "balanced", (1.0, 400.0)):
            recipe = Recipe(class_weights=weights)
            stored = json.loads(json.dumps(recipe.to_dict()))
            assert stored == recipe.to_dict()
            assert Recipe.from_dict(stored) == recipe
        assert Recipe.from_dict({"epochs": 3}) == Recipe(epochs=3)  # of an earlier version


def one_in_400():
    """Two noisy clouds of nodes with 400 items of one class for each of the other."""
    generator = torch.Generator().manual_seed(0)
    rare = torch.arange(6400) % 400 == 0
    x = torch.randn(6400, 4, generator=generator) + 2.0 * rare[:, None]
    graph = gv.Graph.from_edges([], num_nodes=6400)
    split = Split("own", range(3200), range(3200, 4800), range(4800, 6400))
    return NodeTask(
        name="rare", kind="classification", in_channels=4, num_outputs=2,
        class_names=("common", "rare"), split=split, x=x, graph=graph, y=rare.long(),
    )  # fmt: skip


def test_one_in_400_is_found_with_class_weights_and_said_without():
    task = one_in_400()
    recipe = Recipe(epochs=60, lr=0.02, checkpoint_selection="last")
    network = gv.Sequential(nn.Linear(4, 2))
    plain = gv.fit(network, task, recipe, progress=False)
    balanced = gv.fit(network, task, replace(recipe, class_weights="balanced"), progress=False)
    test = [result.best.metrics["test"] for result in (plain, balanced)]
    assert test[0]["accuracy"] == pytest.approx(399 / 400)
    assert test[0]["balanced_accuracy"] == 0.5
    assert test[1]["balanced_accuracy"] > 0.9
    assert test[1]["rocauc"] > 0.95
    assert (
        "test accuracy is that of always predicting 'common', the class of 99.75 % of the labels; "
        "Recipe(class_weights='balanced') gives rare classes more weight"
    ) in plain.remarks()
    assert not any("always predicting" in line for line in balanced.remarks())
    assert "test average precision is that of 'rare', the rarer class in training" in (
        balanced.remarks()
    )


@pytest.mark.parametrize("rarer", [0, 1])
def test_two_classes_are_ranked_by_the_rarer(rarer):
    from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

    task = one_in_400()
    goal = objective(replace(task, y=task.y if rarer else 1 - task.y))
    output, target = torch.randn(200, 2), (torch.arange(200) % 9 == 0).long()
    figures = goal.metrics(output, target)
    truth, score = (target == rarer).numpy(), output.softmax(1)[:, rarer].double().numpy()
    assert figures["ap"] == pytest.approx(average_precision_score(truth, score), abs=1e-6)
    assert figures["rocauc"] == pytest.approx(roc_auc_score(truth, score), abs=1e-6)
    guess = output.argmax(1)
    assert figures["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target, guess))


class TestOwn:
    def test_a_metric_of_the_task_by_its_name(self):
        goal = objective(tasks.rings(20), metric="r2")
        assert (goal.metric, goal.higher_is_better) == ("r2", True)
        assert goal.names == ("r2", "loss", "rmse", "mae")
        output, target = torch.randn(6, 1), torch.randn(6, 1)
        figures = goal.metrics(output, target)
        assert list(figures) == list(goal.names)
        assert goal.score(output, target) == figures["r2"]

    def test_a_metric_of_ones_own_is_the_score(self):
        def worst(output, target):
            assert output.device.type == "cpu"
            return (output - target).abs().max()

        goal = objective(tasks.rings(20), metric=("worst", worst, False))
        assert (goal.metric, goal.higher_is_better) == ("worst", False)
        output, target = torch.randn(6, 1, requires_grad=True), torch.randn(6, 1)
        assert goal.metrics(output, target)["worst"] == float(
            (output.detach() - target).abs().max()
        )
        assert set(goal.metrics(output, target)) == {"worst", "loss", "rmse", "mae", "r2"}

    def test_a_metric_that_is_undefined_is_said(self):
        goal = objective(tasks.rings(20), metric=Metric("none", lambda output, target: math.nan))
        output, target = torch.randn(6, 1), torch.randn(6, 1)
        assert undefined(goal.metrics(output, target)) == {"none"}
        assert goal.remarks(output, target, ("y",)) == {"none": "your function returned NaN"}

    @pytest.mark.parametrize(
        ("metric", "error", "problem"),
        [
            ("acuracy", ValueError, "'metric' must be .*rmse.*, got 'acuracy'"),
            ("loss", ValueError, "Use Recipe.checkpoint_selection='loss'."),
            (len, TypeError, "be a name or a gv.training.Metric"),
            (("rmse", len), ValueError, "that no other metric has, got 'rmse'"),
            (("two words", len), ValueError, "of letters, digits and _"),
            (("mine", 3), TypeError, "have a name and a function"),
            (("mine", len, "yes"), TypeError, "a boolean 'higher_is_better'"),
        ],
    )
    def test_what_is_no_metric_is_refused(self, metric, error, problem):
        with pytest.raises(error, match=problem):
            objective(tasks.rings(20), metric=metric)

    def test_a_loss_of_ones_own_sees_the_known_rows(self):
        goal = objective(tasks.rings(20), loss=nn.L1Loss())
        output, target = torch.randn(5, 1, requires_grad=True), torch.randn(5, 1)
        target[2] = MISSING
        here = ~target.isnan()
        expected = (output[here] - target[here]).abs().mean()
        torch.testing.assert_close(goal.loss(output, target), expected)
        assert goal.metrics(output, target)["loss"] == pytest.approx(expected.item())
        nothing = goal.loss(output, torch.full((5, 1), MISSING))
        nothing.backward()
        assert nothing == 0

    @pytest.mark.parametrize(
        ("loss", "error", "problem"),
        [
            (3, TypeError, "be a function"),
            (lambda output, target: 3.0, TypeError, "return a tensor"),
            (lambda output, target: output - target, ValueError, "return a scalar"),
            (lambda output, target: target.sum(), ValueError, "return a value with"),
            (lambda output, target: (output - target).mean(), ValueError, "leave out missing"),
        ],
    )
    def test_what_is_no_loss_is_refused(self, loss, error, problem):
        target = torch.randn(4, 2)
        target[0, 0] = MISSING
        if problem == "return a value with":
            target = torch.randn(4, 2)
        task = replace(tasks.rings(20), y=torch.ones(20, 2), num_outputs=2, class_names=("a", "b"))
        with pytest.raises(error, match=f"'loss' must {problem}"):
            objective(task, loss=loss).loss(torch.randn(4, 2, requires_grad=True), target)

    @pytest.mark.parametrize("setting", [{"class_weights": "balanced"}, {"label_smoothing": 0.1}])
    def test_a_setting_that_a_loss_of_ones_own_ignores_is_refused(self, setting):
        with pytest.raises(ValueError, match=f"'{next(iter(setting))}' must be .* of your own"):
            objective(tasks.labels(20), Recipe(**setting), loss=nn.BCEWithLogitsLoss())


class TestWeightsAndBounds:
    def bounded(self, target, weight=1.0, side=0.0):
        rest = [torch.as_tensor(v).float().expand_as(target) for v in (weight, side)]
        return torch.stack([target, *rest], -1)

    def test_weights_of_one_change_nothing(self):
        output, target = torch.randn(7, 2), torch.randn(7, 2)
        target[1, 0] = MISSING
        for goal, of in ((goal_of("regression"), target), (goal_of("multilabel"), target > 0)):
            of = of.float().masked_fill(target.isnan(), MISSING)
            given = goal.known(output, self.bounded(of))
            assert goal.metrics(*given) == pytest.approx(goal.metrics(output, of), nan_ok=True)
            assert goal.remarks(*given, ("a", "b")) == goal.remarks(output, of, ("a", "b"))
            assert goal.counts([given[1]]) == goal.counts([of])

    def test_an_item_of_weight_two_counts_twice(self):
        output = torch.randn(5, 2)
        twice = [0, 0, 1, 2, 3, 4]
        weight = torch.tensor([2.0, 1, 1, 1, 1])
        for kind in ("regression", "multilabel"):
            target = torch.randint(0, 2, (5, 2)).float()
            goal = goal_of(kind)
            weighted = self.bounded(target, weight[:, None])
            found = goal.loss(*goal.known(output, weighted))
            torch.testing.assert_close(found, goal.loss(output[twice], target[twice]))
            assert goal.counts([weighted]) == [12]
            assert "without their weights" in goal.remarks(output, weighted, "ab")[goal.metric]
        for recipe in (Recipe(), Recipe(class_weights=(1, 3))):
            goal = objective(tasks.pictures(20), recipe)
            labels = torch.tensor([0, 1, 1, 0, 1])
            weighted = torch.stack([labels.float(), weight, torch.zeros(5)], 1)
            found = goal.loss(*goal.known(output, weighted))
            torch.testing.assert_close(found, goal.loss(output[twice], labels[twice]))
            assert goal.values(weighted).equal(labels)
            assert goal.counts([weighted]) == pytest.approx(goal.counts([labels[twice]]))

    def test_a_bound_counts_only_where_it_is_violated(self):
        goal = objective(replace(tasks.rings(20), y=torch.ones(20, 1)))  # a spread of 1
        output = torch.tensor([[4.0], [7.0], [4.0], [7.0], [6.0]], requires_grad=True)
        sides = torch.tensor([[-1.0], [-1.0], [1.0], [1.0], [0.0]])  # below 5, above 5, exactly 5
        target = self.bounded(torch.full((5, 1), 5.0), side=sides)
        loss = goal.loss(output, target)
        assert loss.item() == pytest.approx((0 + 4 + 1 + 0 + 1) / 5)
        loss.backward()
        assert (output.grad[:, 0] != 0).tolist() == [False, True, True, False, True]
        figures = goal.metrics(output, target)
        assert (figures["rmse"], figures["mae"]) == (1, 1)
        assert goal.values(target).isnan()[:, 0].tolist() == [True] * 4 + [False]
        over = "over the 1 exact values, without 4 bounds"
        assert goal.remarks(output, target, ("y",))["rmse"] == over

    def test_bounds_alone_have_a_loss_but_no_metrics(self):
        goal, output = goal_of("regression"), torch.randn(3, 1)
        target = self.bounded(torch.zeros(3, 1), side=1.0)
        assert undefined(goal.metrics(output, target)) == {"rmse", "mae", "r2"}
        why = {"no target has an exact value"}
        assert set(goal.remarks(output, target, ("y",)).values()) == why

    def test_a_loss_of_ones_own_refuses_them(self):
        goal = objective(tasks.rings(20), loss=nn.MSELoss())
        with pytest.raises(ValueError, match="'loss' must not be given for sample weights"):
            goal.loss(torch.randn(3, 1), self.bounded(torch.randn(3, 1)))


def test_nodes_with_numbers_and_labels_are_scored_on_their_split():
    """Rows without any known target are left out, as nodes outside the split are."""
    task = one_in_400()
    y = torch.randn(6400, 2)
    y[4000:] = MISSING
    output = torch.randn(6400, 2)
    for kind, target in (("regression", y), ("multilabel", (y > 0).float() + 0 * y)):
        # The kinds of node task are data's; the objective asks only for the kind.
        made = replace(task)
        object.__setattr__(made, "kind", kind)
        goal = objective(made)
        said, known = goal.known(output, target)
        assert len(said) == len(known) == 4000
        expected = goal_of(kind).loss(output[:4000], target[:4000])
        if kind == "multilabel":
            torch.testing.assert_close(goal.loss(said, known), expected)
        assert goal.score(said, known) == goal_of(kind).score(output[:4000], target[:4000])
