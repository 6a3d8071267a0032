"""A fine-tuning that is stopped goes on from there, and ends as if it had not been stopped."""

import sys
from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.training import Interrupted
from gnnvision.training.progress import StopRequest
from gnnvision.training.record import LAST
from gnnvision.transfer import Backbone, Plan, best_strategy, fine_tune, finetune

from ..training.test_fit import with_old_names
from .tasks import pictures, small_network

HEAD = gv.Recipe(epochs=3, lr=0.05, optimizer="adamw", batch_size=16, checkpoint_selection="last")
FINE = gv.Recipe(epochs=2, lr=3e-3, optimizer="adamw", batch_size=16, ema_decay=0.9)
PLAN = Plan(head=HEAD, fine=FINE, views=1, fine_views=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return Backbone(small_network(6).eval(), None, "untrained")


@pytest.fixture
def task():
    return pictures(96).with_augment(gv.data.Augment(flip="random"))


class Stop(StopRequest):
    """Somebody who asks to stop when they have been asked so many times."""

    left = 10**9

    @property
    def requested(self):
        Stop.left -= 1
        return Stop.left < 0

    @requested.setter
    def requested(self, value):
        pass


@pytest.fixture
def stop_after(monkeypatch):
    """A function that says after how many questions the next run is stopped."""

    class Held:
        def __enter__(self):
            return Stop()

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(finetune, "stop_on_signal", Held)
    monkeypatch.setattr(sys.modules["gnnvision.training.fit"], "stop_on_signal", Held)
    yield lambda count: setattr(Stop, "left", count)
    Stop.left = 10**9


def numbers(result):
    return [
        (o.seed, o.best_epoch, o.metrics, o.history, o.prediction.tolist())
        for o in result.outcomes
    ]


@pytest.mark.parametrize("strategy", ["head", "last", "whole"])
def test_whenever_it_is_stopped_it_ends_the_same(backbone, task, tmp_path, stop_after, strategy):
    plan = replace(PLAN, strategy=strategy)
    whole = fine_tune(backbone, task, plan, 2, folder=tmp_path / "whole", progress=False)
    for counts in ((0, 5), (4,), (12,)):
        folder = tmp_path / str(counts)
        for number, count in enumerate(counts):
            stop_after(count)
            with pytest.raises(Interrupted, match="Everything is saved"):
                fine_tune(
                    backbone, task, plan, 2, folder=folder, resume=number > 0, progress=False
                )
            assert (folder / LAST).is_file()
        stop_after(10**9)
        result = fine_tune(backbone, task, plan, 2, folder=folder, resume=True, progress=False)
        assert numbers(result) == numbers(whole)
        state = whole.model.state_dict()
        held = result.model.state_dict()
        assert all(torch.equal(tensor, held[name]) for name, tensor in state.items())
        assert not (folder / LAST).exists()


def test_a_checkpoint_with_the_old_names_of_recipe_fields_resumes(
    backbone, task, tmp_path, stop_after
):
    stop_after(4)
    with pytest.raises(Interrupted):
        fine_tune(backbone, task, PLAN, folder=tmp_path, progress=False)
    with_old_names(tmp_path / LAST, "head", "fine")
    stop_after(10**9)
    fine_tune(backbone, task, PLAN, folder=tmp_path, resume=True, progress=False)


def test_a_finished_one_is_read_again(backbone, task, tmp_path):
    first = fine_tune(backbone, task, PLAN, folder=tmp_path, progress=False)
    again = fine_tune(backbone, task, PLAN, folder=tmp_path, resume=True, progress=False)
    assert numbers(again) == numbers(first)


def test_another_run_cannot_go_on(backbone, task, tmp_path, stop_after):
    stop_after(3)
    with pytest.raises(Interrupted):
        fine_tune(backbone, task, PLAN, 2, folder=tmp_path, progress=False)
    stop_after(10**9)
    with pytest.raises(ValueError, match=r"'seeds' must be \[0, 1\] as in .* got \[0, 1, 2"):
        fine_tune(backbone, task, PLAN, 3, folder=tmp_path, resume=True, progress=False)
    torch.manual_seed(1)
    other = Backbone(small_network(6).eval())
    with pytest.raises(ValueError, match=r"'backbone' must be"):
        fine_tune(other, task, PLAN, 2, folder=tmp_path, resume=True, progress=False)
    with pytest.raises(ValueError, match=r"'folder' must be given to resume a run, got None"):
        fine_tune(backbone, task, PLAN, 2, resume=True)


def test_folds_that_are_done_are_not_done_again(backbone, task, tmp_path, stop_after):
    whole = best_strategy(backbone, task, PLAN, 2, progress=False)
    stop_after(40)
    with pytest.raises(Interrupted, match=r"Stopped at \w+, fold \d of 2"):
        best_strategy(backbone, task, PLAN, 2, folder=tmp_path, progress=False)
    stop_after(10**9)
    done = finetune.read_json(tmp_path / "folds.json")["scores"]
    assert done["head"]
    assert best_strategy(backbone, task, PLAN, 2, folder=tmp_path, progress=False) == whole
    stop_after(0)  # nothing is left to be stopped
    assert best_strategy(backbone, task, PLAN, 2, folder=tmp_path, progress=False) == whole


def test_progress_is_shown_while_it_trains(backbone, task, capsys, monkeypatch):
    monkeypatch.setattr("gnnvision.training.progress.LONG_S", 0.0)
    fine_tune(backbone, task, PLAN, 2, strategy="last")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["seed", "epoch", *"12345", "seed"] * 2
    assert lines[0] == "seed 0 (1 of 2)"
    assert lines[8] == "seed 1 (2 of 2)"
    assert "min left" in lines[6]
