"""Splits and numbers at the edge of sense: a sentence before training, or undefined after it."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data import Split
from gnnvision.training import Recipe, fit
from gnnvision.training.measures import SPLIT_NAMES, format_stats
from gnnvision.training.result import best_outcome

from . import tasks

QUICK = Recipe(epochs=3, lr=0.02)
DIVERGED = r"loss diverged \((nan|inf)\) in epoch \d .*; lower the learning rate"


@pytest.fixture(scope="module")
def karate():
    return gv.data.load("karate", dense=True)


def network(task):
    return gv.models.gcn(task.in_channels, 4, task.num_classes)


def parts(task, **changes):
    split = task.split
    held = {part: getattr(split, part) for part in ("train", "val", "test")} | changes
    return replace(task, split=Split("own", **held))


def rings_network(outputs=1):
    return gv.Sequential(gv.GCNConv(2, 4), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, outputs))


def strict(path):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


class TestEmptyParts:
    @pytest.mark.slow
    def test_no_test_part_is_undefined(self, karate, tmp_path):
        task = parts(karate, test=[])
        result = fit(network(karate), task, QUICK, seeds=2, folder=tmp_path, progress=False)
        assert result.best.metrics["test"] == {}
        assert all(math.isnan(value) for value in result.values("test", "accuracy"))
        assert len(result.best.target) == len(result.best.prediction) == 0
        lines = result.summary().splitlines()
        assert "accuracy" in lines[1]
        assert lines[4].split() == ["test", *["none", "held", "out"] * 6]
        assert result.interval() == "Undefined: no label of a test item is known."
        assert strict(tmp_path / "result.json")["metrics"]["test"] == {}
        assert "undefined" in result.report().read_text()

    def test_no_training_part_is_refused(self, karate):
        with pytest.raises(ValueError, match="'split' must have training items, got none"):
            fit(network(karate), parts(karate, train=[]), QUICK, progress=False)

    def test_the_patience_of_a_recipe_falls_without_a_validation_part(self):
        from gnnvision.training.checks import without_validation

        assert without_validation(Recipe(patience=3)) == Recipe(checkpoint_selection="last")

    @pytest.mark.parametrize("made", [tasks.rings, tasks.labels])
    def test_graphs_without_a_test_part(self, made):
        task = parts(made(60), test=[])
        result = fit(rings_network(task.num_outputs), task, QUICK, seeds=2, progress=False)
        assert result.ensemble() is None
        assert result.best.metrics["test"] == {}


@pytest.mark.filterwarnings("ignore:Seed 0. The .* split has no labels:UserWarning")
class TestUnknownLabels:
    @pytest.mark.parametrize(("part", "select"), [("test", "score"), ("val", "last")])
    def test_of_a_part_that_chooses_nothing(self, karate, part, select):
        y = karate.y.clone()
        y[torch.tensor(getattr(karate.split, part))] = -100
        recipe = replace(QUICK, checkpoint_selection=select)
        result = fit(network(karate), replace(karate, y=y), recipe, progress=False)
        assert all(map(math.isnan, result.best.metrics[part].values()))
        assert (
            f"{SPLIT_NAMES[part]} accuracy, loss, F1 (macro), balanced accuracy, ROC AUC, average "
            "precision are undefined: no target is known" in result.remarks()
        )
        assert result.summary().splitlines()[2 + ("train", "val", "test").index(part)].split() == [
            SPLIT_NAMES[part], *["undefined"] * 6
        ]  # fmt: skip

    @pytest.mark.parametrize("select", ["score", "loss"])
    def test_of_the_part_that_chooses_the_epoch(self, karate, select):
        y = karate.y.clone()
        y[torch.tensor(karate.split.val)] = -100
        text = f"'recipe' must select the last epoch if .* no known labels, got .*='{select}'"
        with pytest.raises(ValueError, match=text):
            fit(
                network(karate), replace(karate, y=y), replace(QUICK, checkpoint_selection=select),
                progress=False,
            )  # fmt: skip

    def test_of_the_training_part(self):
        task = tasks.rings(40)
        y = task.y.clone()
        y[torch.tensor(task.split.train)] = torch.nan
        text = "'y' must have known labels in the training split, got none for its 20 items"
        with pytest.raises(ValueError, match=text):
            fit(rings_network(), replace(task, y=y), QUICK, progress=False)

    def test_a_batch_without_any_is_no_failure(self):
        task = tasks.rings(40)  # each seventh is missing
        result = fit(rings_network(), task, replace(QUICK, batch_size=1), progress=False)
        assert all(math.isfinite(row["train_loss"]) for row in result.best.history)

    @pytest.mark.parametrize(("label", "more"), [(99, ""), (-1, ""), (2, r" \(18 labels are out")])
    def test_labels_out_of_range(self, karate, label, more):
        y = karate.y.clone()
        y[torch.tensor(karate.split.test[:18] if more else karate.split.test[:1])] = label
        item = int(karate.split.test[0])
        text = rf"'y' must have labels .* got {label} for item {item} of the test split"
        with pytest.raises(ValueError, match=text + more):
            fit(network(karate), replace(karate, y=y), QUICK, progress=False)


class TestUndefinedChoosesNothing:
    def one_class(self, *empty):
        task = tasks.labels(40)
        y = task.y.clone()[:, :1]
        for part in empty:
            y[torch.tensor(getattr(task.split, part))] = 0
        return replace(task, y=y, num_outputs=1, class_names=("act",))

    def test_no_epoch(self, tmp_path):
        task = self.one_class("val", "test")
        result = fit(rings_network(), task, QUICK, seeds=2, folder=tmp_path, progress=False)
        losses = [row["val_loss"] for row in result.best.history]
        assert result.best.best_epoch == losses.index(min(losses)) + 1
        assert result.selection == (
            "epoch with the lowest validation loss (validation ROC AUC is undefined)"
        )
        assert all(map(math.isnan, result.values("test", "rocauc")))
        held = strict(tmp_path / "result.json")
        found = held["metrics"]["test"]["rocauc"]
        assert found == {"mean": None, "std": None, "values": [None, None]}
        assert any("there is only one class" in remark for remark in held["remarks"])
        assert math.isnan(result.ensemble())
        assert "ensemble of 2: test ROC AUC undefined" in result.summary()
        rows = (tmp_path / "metrics.csv").read_text().splitlines()
        assert "nan" not in "".join(rows)

    def test_no_seed(self):
        task = self.one_class()
        outcomes = fit(rings_network(), task, QUICK, seeds=3, progress=False).outcomes
        scores = (math.nan, 0.2, 0.4)
        for outcome, score in zip(outcomes, scores, strict=True):
            outcome.metrics["val"] = {"rocauc": score, "loss": 0.1}
        assert best_outcome(outcomes, "rocauc", True) is outcomes[2]
        assert best_outcome(outcomes, "rocauc", False) is outcomes[1]
        outcomes[1].metrics["val"] = outcomes[2].metrics["val"] = {"rocauc": math.nan, "loss": 1}
        assert best_outcome(outcomes, "rocauc", True) is outcomes[0]

    def test_one_seed_has_no_spread(self, karate):
        result = fit(network(karate), karate, QUICK, progress=False)
        assert result.metrics()["test"]["accuracy"]["std"] is None
        assert "±" not in result.summary()
        assert format_stats("rmse", {"mean": 1.0, "std": None}, 3) == "1.000"
        assert format_stats("rmse", {"mean": 1.0, "std": None, "values": [1.0, math.nan]}, 2) == (
            "1.000 (1 of 2)"
        )
        assert format_stats("rocauc", {"mean": math.nan, "std": None}, 1) == "undefined"

    def test_a_validation_loss_that_never_is_a_number(self, karate):
        x = karate.x.clone()
        model = network(karate)
        model.register_forward_hook(
            lambda module, given, made: made if module.training else made * torch.nan
        )
        with pytest.raises(ValueError, match="validation loss was not finite in any epoch with"):
            fit(model, replace(karate, x=x), QUICK, reset=False, progress=False)


class TestAdviceByCause:
    def refused(self, task, text, recipe=QUICK, **options):
        with pytest.raises(ValueError, match=text) as caught:
            fit(network(task), task, recipe, progress=False, **options)
        assert "lower the learning rate" not in str(caught.value)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_features_that_are_no_numbers(self, value):
        task = tasks.pictures(40)
        task.signals[3][0, 2, 2] = value
        model = gv.Sequential(gv.Conv2d(1, 2, 3), gv.Readout(), nn.Linear(2, 2))
        text = rf"'x' must have finite values .* got {value} \(1 of .* are not finite\)"
        with pytest.raises(ValueError, match=text):
            fit(model, task, QUICK, progress=False)

    def test_features_that_are_too_large(self, karate):
        self.refused(
            replace(karate, x=karate.x * 3e38),
            r"'x' must have finite values of moderate size, got values up to 3e\+38",
        )

    def test_targets_that_are_too_large(self):
        task = tasks.rings(40)
        y = torch.full_like(task.y, 1e30)
        with pytest.raises(ValueError, match=r"'y' must have .* got values up to 1e\+30"):
            fit(rings_network(), replace(task, y=y), QUICK, progress=False)

    @pytest.mark.parametrize("layers", [1, 2])
    def test_first_weights_that_are_no_numbers(self, karate, layers):
        model = gv.Sequential(*(gv.GCNConv(34, 34) for _ in range(layers)), nn.Linear(34, 2))
        with torch.no_grad():
            next(model.parameters()).fill_(math.nan)
        text = "'model' must return finite outputs, got a loss of nan in the first batch"
        with pytest.raises(ValueError, match=text):
            fit(model, karate, QUICK, reset=False, progress=False)

    def test_weights_that_a_step_spoiled(self):
        task = tasks.rings(40)
        model = gv.Sequential(gv.GCNConv(2, 4), gv.GCNConv(4, 4), gv.Readout(), nn.Linear(4, 1))
        recipe = replace(QUICK, lr=1e30, batch_size=5)
        with pytest.raises(ValueError, match=DIVERGED):
            fit(model, task, recipe, progress=False)

    def test_too_high_a_learning_rate(self, karate):
        with pytest.raises(ValueError, match=DIVERGED):
            fit(network(karate), karate, replace(QUICK, lr=1e38), progress=False)


class TestFewItems:
    def norm_network(self):
        return gv.Sequential(gv.Readout("mean"), nn.BatchNorm1d(2), nn.Linear(2, 1))

    def test_batch_norm_of_one_item_is_named(self):
        text = "'batch_size' must give batch norm at least two values for each channel, got 1"
        recipe = replace(QUICK, batch_size=1)
        with pytest.raises(ValueError, match=text):
            fit(self.norm_network(), tasks.rings(20), recipe, progress=False)

    def test_a_batch_larger_than_the_set(self):
        task = tasks.rings(20)
        whole = fit(self.norm_network(), task, replace(QUICK, batch_size=10), progress=False)
        more = fit(self.norm_network(), task, replace(QUICK, batch_size=999), progress=False)
        assert whole.best.history == more.best.history

    def test_one_training_item(self, karate):
        task = parts(karate, train=[0])
        assert fit(network(karate), task, QUICK, progress=False).best.epochs == 3

    @pytest.mark.parametrize("value", [0.0, 0.1, 1e-30, 12345.678])
    def test_targets_that_never_change(self, value):
        task = tasks.rings(40)
        y = torch.full_like(task.y, value)
        result = fit(rings_network(), replace(task, y=y), QUICK, progress=False)
        assert math.isnan(result.best.metrics["test"]["r2"])
        assert math.isfinite(result.best.metrics["test"]["rmse"])

    def test_gradient_descent_without_momentum(self, karate):
        recipe = replace(QUICK, optimizer="sgd", momentum=0.0, lr=0.1)
        history = fit(network(karate), karate, recipe, progress=False).best.history
        assert history[-1]["train_loss"] < history[0]["train_loss"]
