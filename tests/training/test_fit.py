"""`fit`: every kind of task, seeds, selection, the test part, interruption and resume."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

import gnnvision as gv
from gnnvision.training import Interrupted, NotSaved, Recipe, fit, optimizers
from gnnvision.training.checkpoint import read_checkpoint, write_checkpoint
from gnnvision.training.events import EpochDone, StepDone
from gnnvision.training.objective import objective
from gnnvision.training.recipe import CURRENT_NAMES
from gnnvision.training.record import LAST
from gnnvision.training.result import _wilson

from . import tasks


@pytest.fixture(scope="module")
def karate():
    return gv.data.load("karate")


def small(task, **options):
    return gv.models.gcn(task.in_channels, 8, task.num_classes, **options)


def quick(**options):
    return Recipe(**({"epochs": 12, "lr": 0.02} | options))


def weights(result):
    return {name: value.clone() for name, value in result.model.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestKindsOfTask:
    def test_nodes_of_a_graph(self, karate):
        result = fit(small(karate), karate, quick(epochs=60), seeds=3, progress=False)
        assert result.metrics()["test"]["accuracy"]["mean"] > 0.8

    def test_pictures_in_batches(self):
        model = gv.Sequential(
            gv.Conv2d(1, 4, 3, padding="same"),
            nn.ReLU(),
            gv.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(16, 2),
        )
        result = fit(model, tasks.pictures(), quick(batch_size=16), seeds=2, progress=False)
        assert result.metrics()["test"]["accuracy"]["mean"] > 0.9
        names = {"accuracy", "loss", "f1_macro", "balanced_accuracy", "rocauc", "ap"}
        assert set(result.metrics()["test"]) == names

    def test_only_the_kept_epoch_predicts_from_all_views_of_an_image(self, monkeypatch):
        sizes = []

        def predict(task, model, x, domain):
            sizes.append(len(x))
            return model(x, domain)

        monkeypatch.setattr(gv.data.ImageTask, "predict", predict)
        task = gv.data.load("digits").with_test_views("mirror")
        model = gv.Sequential(gv.Readout("mean"), nn.Linear(1, task.num_classes))
        fit(model, task, quick(epochs=3, batch_size=500), progress=False)
        assert sum(sizes) == len(task.images)  # each image once, in spite of three epochs

    def test_graphs_with_missing_numbers(self):
        model = gv.Sequential(gv.GCNConv(2, 8), nn.ReLU(), gv.Readout("mean"), nn.Linear(8, 1))
        result = fit(model, tasks.rings(), quick(batch_size=20, epochs=40), progress=False)
        spread = float(tasks.rings(missing=False).y.std())
        assert result.metrics()["test"]["rmse"]["mean"] < 0.5 * spread
        assert set(result.metrics()["test"]) == {"rmse", "mae", "r2", "loss"}
        assert result.selection == "epoch with the lowest validation RMSE, then lowest loss"

    def test_pixels_to_give_back_are_one_target(self):
        goal = objective(tasks.rings())
        generator = torch.Generator().manual_seed(0)
        said, true = (torch.randn(5, 1, 4, 4, generator=generator) for _ in range(2))
        expected = (said - true).square().mean().sqrt().item()
        assert goal.score(said, true) == pytest.approx(expected)
        assert goal.metrics(said, true)["mae"] == pytest.approx((said - true).abs().mean().item())

    def test_each_target_counts_alike_and_missing_ones_do_not(self):
        goal = objective(tasks.rings())
        true = torch.tensor([[0.0, 10.0], [torch.nan, 30.0]])
        said = torch.tensor([[1.0, 13.0], [7.0, 34.0]])
        figures = goal.metrics(said, true)
        assert figures["rmse"] == pytest.approx((1 + 12.5**0.5) / 2)
        assert figures["mae"] == pytest.approx((1 + 3.5) / 2)

    def test_several_labels_some_unknown(self):
        model = gv.Sequential(gv.GCNConv(2, 8), nn.ReLU(), gv.Readout("mean"), nn.Linear(8, 2))
        result = fit(model, tasks.labels(), quick(batch_size=20, epochs=40), progress=False)
        assert result.metrics()["test"]["rocauc"]["mean"] > 0.9


class TestInterval:
    def test_of_the_kept_model(self, karate):
        result = fit(small(karate), karate, quick(), progress=False)
        best = result.best
        right, n = int((best.prediction == best.target).sum()), len(best.target)
        share, z = right / n, 1.959964  # Wilson 1927
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
        low, high = 100 * (middle - half), 100 * (middle + half)
        text = f"95 % confidence interval {low:.1f} to {high:.1f} %"
        assert f"classifies {right} of {n} test items correctly" in result.interval()
        assert text in result.interval()

    @pytest.mark.parametrize(("successes", "trials"), [(0, 7), (7, 7), (1, 1), (815, 1000)])
    def test_it_is_that_of_scipy(self, successes, trials):
        expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert _wilson(successes, trials) == pytest.approx(
            (expected.low, expected.high), abs=1e-12
        )

    def test_only_of_classes(self):
        model = gv.Sequential(gv.GCNConv(2, 8), gv.Readout("mean"), nn.Linear(8, 1))
        result = fit(model, tasks.rings(), quick(batch_size=20, epochs=1), progress=False)
        with pytest.raises(
            ValueError, match="'task' must be a classification task, got regression"
        ):
            result.interval()


class TestEnsemble:
    def test_the_mean_prediction_is_scored(self):
        model = gv.Sequential(gv.GCNConv(2, 8), nn.ReLU(), gv.Readout("mean"), nn.Linear(8, 1))
        result = fit(model, tasks.rings(), quick(batch_size=20, epochs=3), seeds=3, progress=False)
        mean = torch.stack([outcome.prediction for outcome in result.outcomes]).mean(0)
        target = result.outcomes[0].target
        expected = (mean - target)[~target.isnan()].square().mean().sqrt().item()
        assert result.ensemble() == pytest.approx(expected)
        assert result.to_dict()["ensemble"] == result.ensemble()
        assert f"ensemble of 3: test RMSE {expected:.3f}" in result.summary()
        # The square is convex: together they are at least as good as on average.
        assert expected <= result.metrics()["test"]["rmse"]["mean"] + 1e-9

    def test_there_is_none_for_one_seed_or_classes(self, karate):
        assert fit(small(karate), karate, quick(), progress=False).ensemble() is None
        assert fit(small(karate), karate, quick(), seeds=2, progress=False).ensemble() is None


class TestSeeds:
    def test_a_seed_decides_everything(self, karate):
        one = fit(small(karate), karate, quick(), seeds=[3], progress=False)
        torch.manual_seed(123)  # what happened before must not matter
        two = fit(small(karate), karate, quick(), seeds=[3], progress=False)
        assert equal(weights(one), weights(two))
        assert one.outcomes[0].history == two.outcomes[0].history

    def test_a_seed_does_not_depend_on_the_others(self, karate):
        alone = fit(small(karate), karate, quick(), seeds=[1], progress=False)
        after = fit(small(karate), karate, quick(), seeds=[0, 1], progress=False)
        for one, other in zip(
            alone.outcomes[0].history, after.outcomes[1].history, strict=True
        ):  # side by side, thus up to rounding
            assert one == pytest.approx(other, rel=1e-4)
        single = fit(small(karate), karate, quick(), seeds=[0, 1], group=1, progress=False)
        assert alone.outcomes[0].history == single.outcomes[1].history

    def test_the_callers_stream_goes_on(self, karate):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        fit(small(karate), karate, quick(epochs=1), progress=False)
        # Only building the model draws from it, before fit.
        torch.manual_seed(5)
        model = small(karate)
        torch.manual_seed(5)
        fit(model, karate, quick(epochs=1), progress=False)
        assert torch.equal(torch.rand(3), expected)

    def test_the_model_gets_the_weights_of_the_best_seed(self, karate):
        model = small(karate)
        result = fit(model, karate, quick(), seeds=3, progress=False)
        alone = fit(small(karate), karate, quick(), seeds=[result.best.seed], progress=False)
        assert result.model is model
        assert equal(weights(result), weights(alone))
        best = max(
            result.outcomes,
            key=lambda o: (o.metrics["val"]["accuracy"], -o.metrics["val"]["loss"]),
        )
        assert result.best.seed == best.seed

    def test_without_reset_training_starts_from_the_given_weights(self, karate):
        model = small(karate)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        result = fit(model, karate, quick(epochs=1, lr=0.0), reset=False, progress=False)
        assert equal(weights(result), before)

    def test_a_function_that_builds_the_model(self, karate):
        built = fit(lambda: small(karate), karate, quick(), progress=False)
        assert isinstance(built.model, nn.Module)

    def test_random_splits_differ_by_seed_and_are_recorded(self):
        task = gv.data.load("stdlib", split="random")
        model = gv.models.gcn(task.in_channels, 8, task.num_classes)
        result = fit(model, task, quick(epochs=2), seeds=3, progress=False)
        record = result.to_dict()
        assert record["split"] == "random"
        assert len(set(record["split_hashes"])) == 3
        assert record["split_hash"] not in record["split_hashes"]

    @pytest.mark.parametrize("seeds", [0, [], [1, 1]])
    def test_no_seeds_or_a_seed_twice(self, karate, seeds):
        with pytest.raises(ValueError, match="'seeds' must be a positive count or distinct"):
            fit(small(karate), karate, seeds=seeds, progress=False)

    def test_parameters_that_cannot_be_reset(self, karate):
        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.ones(1))
                self.net = small(karate)

            def forward(self, x, domain):
                return self.scale * self.net(x, domain)

        with pytest.raises(ValueError, match=r"got 'scale' of Scaled, which has no reset"):
            fit(Scaled(), karate, progress=False)


class TestSelection:
    def test_the_kept_epoch_is_the_best_on_validation(self, karate):
        outcome = fit(small(karate), karate, quick(epochs=30), progress=False).outcomes[0]
        rows = outcome.history
        best = max(rows, key=lambda r: (r["val_accuracy"], -r["val_loss"], -r["epoch"]))
        assert outcome.best_epoch == best["epoch"]
        assert outcome.metrics["val"]["accuracy"] == best["val_accuracy"]
        assert outcome.metrics["val"]["loss"] == pytest.approx(best["val_loss"], rel=1e-6)

    def test_by_loss_and_last(self, karate):
        rows = fit(
            small(karate), karate, quick(checkpoint_selection="loss"), progress=False
        ).outcomes[0]
        losses = [row["val_loss"] for row in rows.history]
        assert rows.best_epoch == losses.index(min(losses)) + 1
        last = fit(
            small(karate), karate, quick(checkpoint_selection="last"), progress=False
        ).outcomes[0]
        assert last.best_epoch == 12

    def test_patience_stops_early(self, karate):
        recipe = quick(epochs=400, patience=5)
        outcome = fit(small(karate), karate, recipe, progress=False).outcomes[0]
        assert outcome.epochs == outcome.best_epoch + 5 < 400

    def test_the_test_part_is_read_once_at_the_end(self, karate, monkeypatch):
        reads = []
        kind = type(karate)
        original = kind.batches

        def watched(self, part, *args, **kwargs):
            reads.append(part)
            return original(self, part, *args, **kwargs)

        monkeypatch.setattr(kind, "batches", watched)
        fit(small(karate), karate, quick(), seeds=2, progress=False)
        assert reads.count("test") == 2
        assert reads[-1] == "test"

    def test_recorded_metrics_are_those_of_the_model(self, karate):
        result = fit(small(karate), karate, quick(epochs=30), seeds=2, progress=False)
        x, graph, y = next(karate.batches("test"))
        with torch.no_grad():
            guess = result.model.eval()(x, graph).argmax(1)
        here = y >= 0
        accuracy = float((guess[here] == y[here]).double().mean())
        assert result.best.metrics["test"]["accuracy"] == pytest.approx(accuracy)
        assert torch.equal(result.best.prediction, guess[here])


class TestFolder:
    def test_what_a_run_leaves(self, karate, tmp_path):
        result = fit(small(karate), karate, quick(), seeds=2, folder=tmp_path, progress=False)
        record = json.loads((tmp_path / "result.json").read_text())
        assert record["dataset"] == record["requested_dataset"] == "karate"
        assert record["seeds"] == [0, 1]
        assert record["split"] == "public"
        assert record["split_hash"] == karate.split.hash
        test = record["metrics"]["test"]["accuracy"]
        assert test["values"] == result.values("test", "accuracy")
        assert 0 <= test["mean"] <= 1
        assert set(record["metrics"]) == {"train", "val", "test"}
        assert {"data", "train", "total"} <= set(record["seconds"])
        assert record["parameters"] == sum(p.numel() for p in result.model.parameters())
        assert record["versions"]["torch"] == torch.__version__
        assert record["device"].startswith("cpu")
        assert "validation accuracy" in record["selection"]
        lines = (tmp_path / "metrics.csv").read_text().splitlines()
        assert lines[0].split(",")[:2] == ["seed", "epoch"]
        assert len(lines) == 1 + 2 * 12

    def test_the_checkpoint_gives_the_same_outputs(self, karate, tmp_path):
        result = fit(small(karate), karate, quick(), folder=tmp_path, progress=False)
        saved = read_checkpoint(tmp_path / "checkpoints" / "best.safetensors")
        model = small(karate)
        model.load_state_dict(saved.tensors)
        x, graph, _ = next(karate.batches("test"))
        assert torch.equal(model.eval()(x, graph), result.model.eval()(x, graph))
        assert saved.state["class_names"] == list(karate.class_names)
        assert saved.state["split"]["hash"] == karate.split.hash

    def test_a_disk_that_is_full_loses_nothing(self, karate, tmp_path, monkeypatch):
        from gnnvision.training import folder

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(folder.os, "replace", full)
        with pytest.raises(NotSaved, match="No space left on device") as caught:
            fit(small(karate), karate, quick(), folder=tmp_path, progress=False)
        assert "accuracy" in caught.value.result.summary()


def stop_after(count, kind=EpochDone, number=signal.SIGINT):
    """A callback that sends this process a signal, as Ctrl-C or a scheduler would."""
    left = iter(range(count - 1, -1, -1))

    def stop(event):
        if isinstance(event, kind) and next(left, None) == 0:
            os.kill(os.getpid(), number)

    return [stop]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("epochs", [1, 7, 12, 17, 23])
@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "schedule": "cosine"}])
def test_a_resumed_run_ends_with_the_same_bits(
    karate, tmp_path, monkeypatch, number, epochs, options
):
    recipe = quick(**options, weight_decay_scope="first", weight_decay=5e-4)
    whole = fit(small(karate), karate, recipe, seeds=2, progress=False)
    with pytest.raises(
        Interrupted, match=r"Stopped at seeds? [01, ]+, epoch \d+. Everything is saved"
    ):
        fit(
            small(karate),
            karate,
            recipe,
            seeds=2,
            folder=tmp_path,
            progress=False,
            callbacks=stop_after(epochs, number=number),
        )
    assert not (tmp_path / "result.json").exists()
    torch.manual_seed(99)
    resumed = fit(
        small(karate), karate, recipe, seeds=2, folder=tmp_path, resume=True, progress=False
    )
    assert equal(weights(whole), weights(resumed))
    for a, b in zip(whole.outcomes, resumed.outcomes, strict=True):
        assert a.history == b.history
        assert a.metrics == b.metrics
        assert torch.equal(a.prediction, b.prediction)


def with_old_names(file, *where):
    """Rewrite a checkpoint with the field names that recipes had before version 0.2."""
    old_names = {new: old for old, new in CURRENT_NAMES.items()}
    held = read_checkpoint(file)
    for name in where:
        stored = held.state["identity"][name]
        held.state["identity"][name] = {old_names.get(k, k): v for k, v in stored.items()}
        assert "select" in held.state["identity"][name]
    write_checkpoint(file, held)


def test_a_checkpoint_with_the_old_names_of_fields_resumes(karate, tmp_path, monkeypatch):
    whole = fit(small(karate), karate, quick(ema_decay=0.5), progress=False)
    with pytest.raises(Interrupted):
        fit(
            small(karate),
            karate,
            quick(ema_decay=0.5),
            folder=tmp_path,
            progress=False,
            callbacks=stop_after(2),
        )
    with_old_names(tmp_path / LAST, "recipe")
    how = {"folder": tmp_path, "resume": True, "progress": False}
    with pytest.raises(
        ValueError, match=r"'ema_decay' must be 0\.5 as in the run that is resumed"
    ):
        fit(small(karate), karate, quick(), **how)
    assert equal(weights(whole), weights(fit(small(karate), karate, quick(averaging=0.5), **how)))


def test_batches_in_random_order_resume_too(tmp_path, monkeypatch):
    task = tasks.pictures(64)
    model = gv.Sequential(gv.Conv2d(1, 2, 3), gv.Dropout(0.3), gv.Readout(), nn.Linear(2, 2))
    recipe = quick(batch_size=7, epochs=6)
    whole = fit(model, task, recipe, progress=False)
    expected = weights(whole)
    with pytest.raises(Interrupted):
        fit(model, task, recipe, folder=tmp_path, progress=False, callbacks=stop_after(3))
    resumed = fit(model, task, recipe, folder=tmp_path, resume=True, progress=False)
    assert equal(expected, weights(resumed))


@pytest.mark.parametrize("steps", [2, 5, 15])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "muon", "lr_head": 0.5, "schedule": "one_cycle", "warmup": 0.3},
        {"ema_decay": 0.9, "label_smoothing": 0.1, "schedule": "cosine"},
    ],
)
def test_a_run_stopped_within_an_epoch_ends_with_the_same_bits(
    tmp_path, monkeypatch, options, steps
):
    task = tasks.pictures(80)  # 40 of them train
    model = gv.Sequential(
        gv.Conv2d(1, 4, 3), nn.BatchNorm2d(4), gv.Dropout(0.3), gv.Readout(), nn.Linear(4, 2)
    )
    recipe = quick(**{"batch_size": 7, "epochs": 4} | options)  # 6 steps an epoch
    whole = fit(model, task, recipe, progress=False)
    expected = weights(whole)
    with pytest.raises(Interrupted, match=f"epoch {steps // 6}. Everything is saved"):
        fit(
            model,
            task,
            recipe,
            folder=tmp_path,
            progress=False,
            callbacks=stop_after(steps, StepDone),
        )
    torch.manual_seed(5)
    resumed = fit(model, task, recipe, folder=tmp_path, resume=True, progress=False)
    assert equal(expected, weights(resumed))
    assert whole.best.history == resumed.best.history
    assert whole.best.metrics == resumed.best.metrics


def test_without_a_validation_part_the_last_epoch_is_kept(tmp_path):
    task = tasks.pictures(40)
    split = replace(task.split, val=task.split.val[:0])
    task = replace(task, split=split)
    model = gv.Sequential(gv.Conv2d(1, 2, 3), gv.Readout(), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="'recipe' must select the last epoch"):
        fit(model, task, quick(), progress=False)
    result = fit(
        model, task, quick(checkpoint_selection="last"), seeds=2, folder=tmp_path, progress=False
    )
    assert result.best.seed == 0
    assert "none held out" in result.summary()
    assert json.loads((tmp_path / "result.json").read_text())["metrics"]["val"] == {}


def test_the_first_epochs_see_less_detail():
    task = gv.data.load("digits")
    seen = []
    conv = gv.Conv2d(1, 2, 3)
    conv.register_forward_hook(
        lambda module, x, y: seen.append(x[0].shape[2]) if module.training else None
    )
    model = gv.Sequential(conv, gv.Readout(), nn.Linear(2, 10))
    recipe = Recipe(epochs=4, batch_size=1257, progressive_resizing=0.5, lr=0.01)
    fit(model, task, recipe, reset=False, progress=False)
    assert seen == [6, 6, 8, 8]
    seen.clear()
    stages = ((0.5, 0.5), (0.25, 0.75))
    fit(model, task, replace(recipe, progressive_resizing=stages), reset=False, progress=False)
    assert seen == [4, 4, 6, 8]


def test_the_first_block_is_not_trained_in_the_last_epochs():
    seen = []

    def note(event):
        if isinstance(event, EpochDone):
            seen.append([p.detach().clone() for p in (conv.weight, hidden.weight)])

    conv, hidden = gv.Conv2d(1, 2, 3), gv.Conv2d(2, 2, 3)
    model = gv.Sequential(conv, nn.ReLU(), hidden, gv.Readout(), nn.Linear(2, 10))
    recipe = Recipe(epochs=4, freeze_first_block=0.5, optimizer="sgd", lr=0.1)
    task = gv.data.load("digits")
    fit(lambda: model, task, recipe, reset=False, progress=False, callbacks=[note])
    assert len(seen) == 4
    for before, after, frozen in zip(seen, seen[1:], (False, True, True), strict=False):
        assert torch.equal(before[0], after[0]) == frozen
        assert not torch.equal(before[1], after[1])
    assert conv.weight.requires_grad, "the model can be trained further"


def test_a_model_without_a_first_block_to_freeze():
    recipe = Recipe(epochs=1, freeze_first_block=0.5)
    model = gv.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(ValueError, match="'freeze_first_block' must be 0 for a model without"):
        fit(model, gv.data.load("digits"), recipe, progress=False)


def test_what_is_measured_is_the_average_of_the_weights():
    task = tasks.pictures(40)
    model = gv.Sequential(gv.Conv2d(1, 2, 3), gv.Readout(), nn.Linear(2, 2))
    recipe = quick(ema_decay=0.5, epochs=1, checkpoint_selection="last", batch_size=5)
    weights_after = []
    step = optimizers.Adam.step

    def noted(self, *args, **kwargs):
        step(self, *args, **kwargs)
        weights_after.append(self.param_groups[0]["params"][0].detach().clone())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers.Adam, "step", noted)
        fit(model, task, recipe, progress=False)
    average = weights_after[0]
    for weight in weights_after[1:]:
        average = 0.5 * average + 0.5 * weight
    torch.testing.assert_close(model[0].weight, average)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"lr": 0.5}, "'lr' must be 0.02 as in the run that is resumed, got 0.5"),
        ({"epochs": 99}, "'epochs' must be 12 as in the run that is resumed, got 99"),
    ],
)
def test_another_recipe_cannot_resume(karate, tmp_path, monkeypatch, changes, text):
    with pytest.raises(Interrupted):
        fit(
            small(karate),
            karate,
            quick(),
            folder=tmp_path,
            progress=False,
            callbacks=stop_after(2),
        )
    before = (tmp_path / "checkpoints" / "last.safetensors").read_bytes()
    with pytest.raises(ValueError, match=text):
        fit(small(karate), karate, quick(**changes), folder=tmp_path, resume=True, progress=False)
    wide = gv.models.gcn(karate.in_channels, 9, karate.num_classes)
    with pytest.raises(ValueError, match="'model' must be"):
        fit(wide, karate, quick(), folder=tmp_path, resume=True, progress=False)
    assert (tmp_path / "checkpoints" / "last.safetensors").read_bytes() == before


def test_nothing_or_a_broken_file_to_resume_from(karate, tmp_path):
    wanted = "'checkpoint' must be a checkpoint of gnnvision"
    with pytest.raises(ValueError, match=f"{wanted}.* which does not exist. Give"):
        fit(small(karate), karate, folder=tmp_path, resume=True, progress=False)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.safetensors").write_bytes(b"\x80\x04not one")
    with pytest.raises(ValueError, match=f"{wanted}.* The file is damaged"):
        fit(small(karate), karate, folder=tmp_path, resume=True, progress=False)
    with pytest.raises(ValueError, match="'folder' must be given to resume"):
        fit(small(karate), karate, resume=True, progress=False)
    for seconds in (-1, float("nan")):
        with pytest.raises(ValueError, match="'save_every' must be from 0 to inf, got"):
            fit(small(karate), karate, save_every=seconds, progress=False)


def test_a_loss_that_is_no_number_stops_with_advice(karate):
    with pytest.raises(ValueError, match=r"loss diverged \(.*\) in epoch .*; lower"):
        fit(small(karate), karate, quick(lr=1e30, optimizer="sgd"), progress=False)


def test_bfloat16_trains_too(karate):
    result = fit(small(karate), karate, quick(epochs=60), precision="bfloat16", progress=False)
    assert result.metrics()["test"]["accuracy"]["mean"] > 0.7


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives(karate):
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    recipe = quick(epochs=5)
    cpu = fit(small(karate, dropout=0.0), karate, recipe, progress=False)
    gpu = fit(small(karate, dropout=0.0), karate, recipe, device="cuda", progress=False)
    for a, b in zip(cpu.outcomes[0].history, gpu.outcomes[0].history, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-4)


def test_progress_is_a_line_an_epoch_or_a_seed(karate, capsys):
    fit(small(karate), karate, quick(epochs=3))
    assert len(capsys.readouterr().err.splitlines()) == 1 + 3
    fit(small(karate), karate, quick(epochs=3), seeds=4)
    err = capsys.readouterr().err
    assert err.count("seed ") == 4
    assert "seed 3 (4 of 4): validation accuracy" in err
