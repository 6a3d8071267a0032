"""What `fit` offers around a training: callbacks, logs, an own loss and metric, the device."""

import csv
import sys
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

import gnnvision as gv
from gnnvision.training import Interrupted, Metric, Recipe, fit
from gnnvision.training.events import EpochDone, Saved, SeedDone, SeedStarted, StepDone, Stopped
from gnnvision.training.folder import read_json
from gnnvision.training.record import LAST

from .test_fit import equal, stop_after, weights


@pytest.fixture
def karate():
    return gv.data.load("karate")


def small(task):
    return gv.models.gcn(task.in_channels, 4, task.num_classes)


def kinds(events):
    return [type(event) for event in events]


class TestCallbacks:
    def test_every_event_in_order(self, karate):
        events = []
        result = fit(small(karate), karate, Recipe(epochs=2), 2, progress=False,
                     callbacks=[events.append], group=1)  # fmt: skip
        seed = [SeedStarted, StepDone, EpochDone, StepDone, EpochDone, SeedDone]
        assert kinds(events) == seed * 2
        rows = [event.row for event in events if isinstance(event, EpochDone)]
        assert rows == [row for outcome in result.outcomes for row in outcome.history]
        assert [event.last for event in events if isinstance(event, EpochDone)] == [
            False,
            True,
        ] * 2

    def test_random_numbers_in_one_do_not_change_the_training(self, karate):
        recipe = Recipe(epochs=3)
        plain = fit(small(karate), karate, recipe, progress=False)
        noisy = fit(small(karate), karate, recipe, progress=False,
                    callbacks=[lambda event: torch.rand(3)])  # fmt: skip
        assert equal(weights(plain), weights(noisy))

    def test_an_error_in_one_propagates_after_saving(self, karate, tmp_path):
        def fail(event):
            if isinstance(event, EpochDone) and event.row["epoch"] == 2:
                raise ZeroDivisionError("mine")

        whole = fit(small(karate), karate, Recipe(epochs=4), progress=False)
        with pytest.raises(ZeroDivisionError, match="mine"):
            fit(small(karate), karate, Recipe(epochs=4), progress=False, folder=tmp_path,
                callbacks=[fail])  # fmt: skip
        assert (tmp_path / LAST).is_file()
        resumed = fit(small(karate), karate, Recipe(epochs=4), progress=False, folder=tmp_path,
                      resume=True)  # fmt: skip
        assert equal(weights(whole), weights(resumed))

    def test_saved_and_stopped(self, karate, tmp_path):
        events = []
        with pytest.raises(Interrupted):
            fit(small(karate), karate, Recipe(epochs=4), progress=False, folder=tmp_path,
                callbacks=[*stop_after(2), events.append])  # fmt: skip
        assert kinds(events)[-2:] == [Saved, Stopped]
        assert events[-2].file == tmp_path / LAST
        assert events[-1].place == "seed 0, epoch 2"


class TestLogs:
    def test_csv_grows_with_each_epoch_and_ends_as_without(self, karate, tmp_path):
        lengths = []

        def count(event):
            if isinstance(event, EpochDone):
                text = (tmp_path / "log" / "metrics.csv").read_text()
                rows = list(csv.DictReader(text.splitlines()))
                assert float(rows[-1]["train_loss"]) == event.row["train_loss"]
                lengths.append(len(rows))

        for log, callbacks in (("csv", [count]), (None, [])):
            fit(small(karate), karate, Recipe(epochs=2), 2, progress=False, log=log,
                callbacks=callbacks, folder=tmp_path / str(log and "log"))  # fmt: skip
        assert lengths == [1, 2, 3, 4]
        live, plain = (tmp_path / name / "metrics.csv" for name in ("log", "None"))
        assert live.read_text() == plain.read_text()

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_tensorboard(self, karate, tmp_path):
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        result = fit(small(karate), karate, Recipe(epochs=3), progress=False, log="tensorboard",
                     folder=tmp_path)  # fmt: skip
        found = EventAccumulator(str(tmp_path / "tensorboard" / "seed-0"))
        found.Reload()
        losses = [(event.step, event.value) for event in found.Scalars("train/loss")]
        rows = [(row["epoch"], row["train_loss"]) for row in result.best.history]
        assert losses == [(epoch, pytest.approx(loss)) for epoch, loss in rows]
        (test,) = found.Scalars("test/accuracy")
        assert test.value == pytest.approx(result.values("test", "accuracy")[0])

    @pytest.mark.parametrize("name", ["trackio", "wandb"])
    def test_a_tracker_has_a_run_for_each_seed(self, karate, tmp_path, monkeypatch, name):
        """A stand-in for the package: it shows our calls, not what the package does with them."""
        calls = []
        stand_in = SimpleNamespace(
            init=lambda **options: calls.append(("init", options)),
            log=lambda values, step: calls.append(("log", step, values)),
            finish=lambda: calls.append(("finish",)),
        )
        monkeypatch.setitem(sys.modules, name, stand_in)
        folder = tmp_path / "mine"
        fit(small(karate), karate, Recipe(epochs=2), 2, progress=False, log=name, folder=folder)
        assert [call[0] for call in calls] == ["init", "log", "log", "log", "finish"] * 2
        assert calls[0][1]["project"] == "gnnvision"
        assert calls[5][1]["name"] == "mine seed 1"
        assert calls[0][1]["config"]["recipe"]["epochs"] == 2
        assert "val/accuracy" in calls[1][2]
        assert "test/accuracy" in calls[3][2]

    def test_a_missing_package_is_one_sentence(self, karate, monkeypatch):
        monkeypatch.setitem(sys.modules, "wandb", None)
        with pytest.raises(ValueError, match=r"got 'wandb'. .*pip install 'gnnvision\[wandb\]'"):
            fit(small(karate), karate, progress=False, log="wandb")
        with pytest.raises(ValueError, match="'folder' must be given to log to csv"):
            fit(small(karate), karate, progress=False, log="csv")
        with pytest.raises(ValueError, match="'log' must be"):
            fit(small(karate), karate, progress=False, log="tensorbord")


class TestLossAndMetric:
    def test_they_are_used_stored_and_needed_to_resume(self, karate, tmp_path):
        def doubled(output, target):
            return 2 * F.cross_entropy(output, target)

        own = {"loss": doubled, "metric": "f1_macro", "progress": False}
        usual = fit(small(karate), karate, Recipe(epochs=1), progress=False)
        result = fit(small(karate), karate, Recipe(epochs=1), **own)
        ratio = result.best.history[0]["train_loss"] / usual.best.history[0]["train_loss"]
        assert ratio == pytest.approx(2)
        assert result.metric == "f1_macro"
        with pytest.raises(Interrupted):
            fit(small(karate), karate, Recipe(epochs=3), folder=tmp_path,
                callbacks=stop_after(1), **own)  # fmt: skip
        again = {"folder": tmp_path, "resume": True}
        for changed in ({"loss": None}, {"metric": None}):
            (name,) = changed
            with pytest.raises(ValueError, match=f"'{name}' must be (doubled|f1_macro) as in"):
                fit(small(karate), karate, Recipe(epochs=3), **own | again | changed)
        fit(small(karate), karate, Recipe(epochs=3), **own | again)
        stored = read_json(tmp_path / "result.json")
        assert (stored["loss"], stored["metric"]) == ("doubled", "f1_macro")

    def test_a_metric_of_ones_own_is_read_again(self, karate, tmp_path):
        metric = Metric("hits", lambda output, target: float((output.argmax(1) == target).sum()))
        options = {"metric": metric, "progress": False, "folder": tmp_path}
        result = fit(small(karate), karate, Recipe(epochs=2), **options)
        again = fit(small(karate), karate, Recipe(epochs=2), resume=True, **options)
        assert again.metric == "hits"
        assert again.values("test", "hits") == result.values("test", "hits")


class TestArguments:
    def test_auto_takes_the_gpu_if_there_is_one(self, karate):
        result = fit(small(karate), karate, Recipe(epochs=1), progress=False)
        there = torch.cuda.is_available() or torch.backends.mps.is_available()
        assert result.device.startswith("cpu") is not there
        with pytest.raises(ValueError, match="'device' must be a device of this machine, got 'gp"):
            fit(small(karate), karate, progress=False, device="gpu")

    def test_an_overview_is_printed_before(self, karate, capsys):
        fit(small(karate), karate, Recipe(epochs=1))
        assert capsys.readouterr().out.startswith("data ")
        fit(small(karate), karate, Recipe(epochs=1), progress=False)
        assert not capsys.readouterr().out

    def test_data_that_are_no_task_name_the_door(self, karate):
        import networkx
        from torch_geometric.data import Data

        data = Data(x=torch.ones(3, 2), edge_index=torch.zeros(2, 0, dtype=torch.int64))
        for wrong, door in (
            (data, "from_pyg"), ([data], "from_pyg"), (networkx.Graph(), "from_networkx"),
            (torch.ones(3), "from_tensors"), ("cora", "load"), (None, "load"),
        ):  # fmt: skip
            with pytest.raises(
                TypeError, match=rf"'task' must be a task .*gnnvision\.data\.{door}"
            ):
                fit(small(karate), wrong, progress=False)
