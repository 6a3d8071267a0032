"""Measuring the test split while a network trains changes nothing, and survives a stop."""

import csv

import pytest
import torch

import gnnvision as gv
from gnnvision.training import evaluate
from gnnvision.training.events import Measured
from gnnvision.training.progress import Interrupted

pytestmark = pytest.mark.slow

SMALL = {"epochs": 3, "lr": 1e-3, "batch_size": 256}


@pytest.fixture(scope="module")
def task():
    return gv.data.load("digits", augment=gv.data.Augment(crop=1))


def network():
    return gv.models.mnist_cnn(1, 10, 8)


def trained(task, folder=None, **more):
    options = {
        name: more.pop(name) for name in ("resume", "callbacks", "keep_epochs") & more.keys()
    }
    return gv.fit(
        network(), task, gv.Recipe(**SMALL, **more), seeds=2, folder=folder, progress=False,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("every", [1, 4, "epoch"])
def test_the_network_is_the_same_with_and_without(task, every):
    plain, measured = trained(task), trained(task, evaluate_every=every)
    for one, other in zip(
        plain.model.state_dict().values(), measured.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)
    for one, other in zip(plain.outcomes, measured.outcomes, strict=True):
        assert one.metrics == other.metrics
        assert one.best_epoch == other.best_epoch
        assert [row | other.history[n] for n, row in enumerate(one.history)] == other.history


def test_rows_between_epochs(task, tmp_path):
    rows = []

    def note(event):
        if isinstance(event, Measured):
            rows.append(event.row)

    result = trained(task, tmp_path, evaluate_every=4, callbacks=[note])
    steps = -(-len(task.split.train) // 256) * 3
    for outcome in result.outcomes:
        assert [row["step"] for row in outcome.steps] == list(range(4, steps + 1, 4))
        assert outcome.steps[-1]["epoch"] <= 3
    assert rows == [row for outcome in result.outcomes for row in outcome.steps]
    with (tmp_path / "steps.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    again = gv.load_run(tmp_path).result
    assert [o.steps for o in again.outcomes] == [o.steps for o in result.outcomes]


def test_the_last_row_is_the_kept_network(task):
    steps = -(-len(task.split.train) // 256) * 3
    result = trained(task, evaluate_every=steps, checkpoint_selection="last")
    (row,) = result.best.steps
    assert row["test_accuracy"] == result.best.metrics["test"]["accuracy"]
    assert row["val_loss"] == pytest.approx(result.best.metrics["val"]["loss"])
    by_epoch = trained(task, evaluate_every="epoch", checkpoint_selection="last")
    assert by_epoch.best.history[-1]["test_accuracy"] == row["test_accuracy"]
    assert by_epoch.best.steps == []


def test_a_training_loss_is_the_mean_since_the_row_before(task):
    each = trained(task, evaluate_every=1).outcomes[0].steps
    fourth = trained(task, evaluate_every=4).outcomes[0].steps
    for number, row in enumerate(fourth):
        losses = [one["train_loss"] for one in each[4 * number : 4 * number + 4]]
        assert row["train_loss"] == pytest.approx(sum(losses) / 4, rel=1e-6)
        assert row["test_loss"] == each[4 * number + 3]["test_loss"]


@pytest.mark.parametrize("stop_at", [3, 6, 9])
def test_stopped_anywhere_and_resumed_it_has_the_same_rows(task, tmp_path, stop_at):
    whole = trained(task, evaluate_every=4)

    class _StopError(Exception):
        pass

    seen = []

    def stop(event):
        seen.append(event)
        if type(event).__name__ == "StepDone":
            if sum(type(one).__name__ == "StepDone" for one in seen) == stop_at:
                raise _StopError

    with pytest.raises((_StopError, Interrupted)):
        trained(task, tmp_path, evaluate_every=4, callbacks=[stop])
    with pytest.raises(ValueError, match="'evaluate_every' must be 4 as in the run"):
        trained(task, tmp_path, evaluate_every=5, resume=True)
    again = trained(task, tmp_path, evaluate_every=4, resume=True)
    assert [o.steps for o in again.outcomes] == [o.steps for o in whole.outcomes]
    assert [o.history for o in again.outcomes] == [o.history for o in whole.outcomes]


def test_the_weights_of_each_epoch(task, tmp_path):
    result = trained(task, tmp_path, evaluate_every="epoch", keep_epochs=True, ema_decay=0.5)
    for outcome in result.outcomes:
        for row in outcome.history:
            epoch = int(row["epoch"])
            name = f"seed-{outcome.seed}-epoch-{epoch:03d}.safetensors"
            file = tmp_path / "checkpoints" / "epochs" / name
            assert gv.load_run(file).about["epoch"] == epoch
            assert evaluate(file, task)["accuracy"] == row["test_accuracy"]
    assert len(list((tmp_path / "checkpoints" / "epochs").iterdir())) == 6
    assert len(gv.load_run(tmp_path).networks) == 1  # they are no ensemble


def test_graphs_too():
    task = gv.data.load("karate")
    result = gv.fit(
        gv.models.gcn(task.in_channels, 4, task.num_classes), task,
        gv.Recipe(epochs=6, evaluate_every=2), progress=False,
    )  # fmt: skip
    assert [row["step"] for row in result.best.steps] == [2, 4, 6]


@pytest.mark.parametrize(
    ("value", "error", "part"),
    [
        (0, ValueError, "'evaluate_every' must be at least 1, got 0"),
        ("week", ValueError, "'evaluate_every' must be"),
        (1.5, TypeError, "'evaluate_every' must be an integer"),
    ],
)
def test_what_it_can_be(value, error, part):
    with pytest.raises(error, match=part):
        gv.Recipe(evaluate_every=value)


def test_an_empty_test_split_has_nothing_to_measure(task):
    from dataclasses import replace

    split = gv.data.Split("no test", task.split.train, task.split.val, [])
    with pytest.raises(ValueError, match="'evaluate_every' must be None for an empty test split"):
        trained(replace(task, split=split), evaluate_every="epoch")


def test_epochs_need_a_folder(task):
    with pytest.raises(ValueError, match="'folder' must be given to keep epochs"):
        trained(task, keep_epochs=True)


def test_a_recipe_of_before_has_none():
    held = gv.Recipe().to_dict()
    del held["evaluate_every"]
    assert gv.Recipe.from_dict(held) == gv.Recipe()
