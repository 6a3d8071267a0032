"""Seeds in several processes: the same bits as in one, stopped, resumed, killed and failing."""

import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from functools import partial

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision import training
from gnnvision.training import Interrupted, Recipe, processes
from gnnvision.training.checkpoint import read_checkpoint
from gnnvision.training.events import EpochDone, Saved, SeedDone, SeedStarted, StepDone
from gnnvision.training.messages import dumps, loads
from gnnvision.training.processes import count_jobs
from gnnvision.training.record import LAST
from gnnvision.training.threads import MANY_VALUES

from . import tasks
from .test_fit import equal, stop_after, weights

TESTS = os.getpid()
fit = partial(training.fit, group=1)


@pytest.fixture(autouse=True)
def usual_numbers():
    """float32, as in a training: the suite's default is float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(before)


def small(task):
    return gv.models.gcn(task.in_channels, 4, task.num_classes)


def of_a_graph():
    task = gv.data.load("karate")
    return (lambda: small(task)), task, Recipe(epochs=5, lr=0.05)


def of_molecules():
    task = gv.data.from_smiles(["CCO", "CCN", "CCC", "CO", "CN", "CCCO", "CCCN", "OCO"] * 4,
                               [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] * 4)  # fmt: skip
    model = gv.models.bond_network(task.in_channels, 1, 8)
    return model, task, Recipe(epochs=2, batch_size=5)


def of_pictures():
    model = gv.Sequential(
        gv.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), gv.Readout(), nn.Linear(2, 2)
    )
    recipe = Recipe(epochs=2, batch_size=7, ema_decay=0.5, optimizer="sgd", schedule="cosine")
    return model, tasks.pictures(40), recipe


def same(one, other):
    """Whether two results are the same, but for the time they took."""
    assert equal(weights(one), weights(other))
    for a, b in zip(one.outcomes, other.outcomes, strict=True):
        assert (a.seed, a.epochs, a.best_epoch) == (b.seed, b.epochs, b.best_epoch)
        assert (a.history, a.metrics, a.steps) == (b.history, b.metrics, b.steps)
        assert a.split_hash == b.split_hash
        assert torch.equal(a.prediction, b.prediction)
        assert torch.equal(a.target, b.target)
    return True


class Waits(nn.Module):
    """A layer that makes each step take some time, so that processes can be stopped in one."""

    def forward(self, x):
        time.sleep(0.02)
        return x


def waiting(task):
    return gv.Sequential(gv.GCNConv(task.in_channels, task.num_classes), Waits())


class TestResults:
    @pytest.mark.parametrize("make", [of_a_graph, of_molecules, of_pictures])
    def test_are_the_same_bits_with_any_number_of_processes(self, make):
        model, task, recipe = make()
        one, *more = (fit(model, task, recipe, 5, progress=False, jobs=jobs) for jobs in (1, 2, 3))
        assert all(same(one, other) for other in more)

    def test_groups_of_seeds_too(self):
        model, task, recipe = of_a_graph()
        how = {"progress": False, "group": 2}
        one, two = (fit(model, task, recipe, 5, jobs=jobs, **how) for jobs in (1, 2))
        assert same(one, two)

    def test_events_of_each_seed_are_in_order_with_tasks_and_models(self):
        model, task, recipe = of_a_graph()
        task = gv.data.load("karate", split="random")
        events = []
        result = fit(model, task, recipe, 4, progress=False, jobs=2, callbacks=[events.append])
        plain = []
        fit(model, task, recipe, 4, progress=False, callbacks=[plain.append])
        for number in range(4):
            mine, alone = ([e for e in held if e.number == number] for held in (events, plain))
            assert [type(event) for event in mine] == [type(event) for event in alone]
            assert [e.row for e in mine if isinstance(e, EpochDone)] == result.outcomes[
                number
            ].history
            for kind in (SeedStarted, SeedDone):
                (a,), (b,) = ([e for e in held if isinstance(e, kind)] for held in (mine, alone))
                assert a.task.split.hash == b.task.split.hash
                if kind is SeedDone:
                    assert equal(a.weights, b.weights)
                    assert equal(a.model.state_dict(), b.model.state_dict())

    def test_kept_epochs_and_ensembles(self, tmp_path):
        model, task, recipe = of_a_graph()
        files = {}
        for jobs in (1, 2):
            folder = tmp_path / str(jobs)
            fit(model, task, recipe, 2, progress=False, jobs=jobs, folder=folder, ensemble=True,
                keep_epochs=True, log="csv")  # fmt: skip
            files[jobs] = {
                path.relative_to(folder): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file() and path.name not in ("result.json", "outcomes.safetensors")
            }
        assert files[1] == files[2]
        assert sum("epoch" in path.name for path in files[1]) == 10

    def test_warnings_come_once(self, karate_with_one_class):
        task = karate_with_one_class
        with pytest.warns(UserWarning, match="mine|single class") as caught:
            result = fit(Warns(), task, Recipe(epochs=2), 4, progress=False, jobs=2)
        texts = [str(warning.message) for warning in caught]
        assert len([text for text in texts if text == "mine"]) == 1
        assert len([text for text in texts if "has a single class" in text]) == 1
        assert len(result.notes) == 1


class Warns(gv.Sequential):
    def __init__(self):
        super().__init__(gv.GCNConv(34, 2))

    def forward(self, x, domain):
        if os.getpid() != TESTS:  # and so in each of the other processes
            warnings.warn("mine", UserWarning, stacklevel=1)
        return super().forward(x, domain)


@pytest.fixture
def karate_with_one_class():
    from dataclasses import replace

    import numpy as np

    task = gv.data.load("karate")
    ones = np.flatnonzero(task.y.numpy() == 1)
    others = np.setdiff1d(np.arange(34), ones[:6])
    split = gv.data.Split("public", others[::2], ones[:6], others[1::2])
    return replace(task, split=split)


class TestStopped:
    @pytest.mark.parametrize(("before", "after"), [(2, 1), (2, 3), (1, 2)])
    def test_it_goes_on_with_any_number_of_processes(self, tmp_path, before, after):
        task = gv.data.load("karate")
        recipe = Recipe(epochs=20, lr=0.05)
        how = {"progress": False, "folder": tmp_path}
        whole = fit(waiting(task), task, recipe, 3, progress=False)
        with pytest.raises(Interrupted, match=r"Stopped at seed \d, epoch \d+.*Everything is sav"):
            fit(waiting(task), task, recipe, 3, jobs=before, callbacks=stop_after(9), **how)
        assert (tmp_path / LAST).is_file()
        events = []
        resumed = fit(waiting(task), task, recipe, 3, jobs=after, resume=True,
                      callbacks=[events.append], **how)  # fmt: skip
        assert same(whole, resumed)
        assert len([e for e in events if isinstance(e, EpochDone)]) < 60 - 8
        assert any(e.epoch for e in events if isinstance(e, SeedStarted))
        assert not (tmp_path / LAST).exists()

    def test_in_the_middle_of_an_epoch(self, tmp_path):
        model, task, recipe = of_pictures()
        model = gv.Sequential(*model, Waits())
        whole = fit(model, task, recipe, 3, progress=False)
        with pytest.raises(Interrupted):
            fit(model, task, recipe, 3, progress=False, folder=tmp_path, jobs=2,
                callbacks=stop_after(3, StepDone))  # fmt: skip
        resumed = fit(model, task, recipe, 3, progress=False, folder=tmp_path, resume=True, jobs=3)
        assert same(whole, resumed)

    @pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 2), (2, 1)])
    def test_groups_between_the_step_and_the_end_of_an_epoch(self, tmp_path, before, after):
        model, task, recipe = of_a_graph()
        how = {"progress": False, "group": 2}
        whole = fit(model, task, recipe, 4, **how)
        with pytest.raises(Interrupted):
            fit(model, task, recipe, 4, folder=tmp_path, jobs=before,
                callbacks=stop_after(4, StepDone), **how)  # fmt: skip
        resumed = fit(model, task, recipe, 4, folder=tmp_path, jobs=after, resume=True, **how)
        assert same(whole, resumed)

    def test_one_that_finishes_while_it_is_asked_to_save(self, tmp_path):
        """The request then reaches it between two seeds, or after the last one."""
        model, task, recipe = of_a_graph()
        how = {"progress": False, "folder": tmp_path, "jobs": 3, "save_every": 0}
        saved = []
        many = fit(model, task, recipe, 12, callbacks=[saved.append], **how)
        assert any(isinstance(event, Saved) for event in saved)
        assert same(fit(model, task, recipe, 12, progress=False), many)

    def test_twice_it_stops_at_once(self, tmp_path):
        task = gv.data.load("karate")

        def twice(event):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)

        started = time.monotonic()
        with pytest.raises(Interrupted, match="Stopped immediately"):
            fit(waiting(task), task, Recipe(epochs=500), 4, progress=False, folder=tmp_path,
                jobs=2, callbacks=[twice])  # fmt: skip
        assert time.monotonic() - started < 8
        assert not children()


def children():
    """The processes that this one has forked and that still run."""
    import multiprocessing

    return multiprocessing.active_children()


class Fails(nn.Module):
    """Raises an error in the training of one seed, or kills its process."""

    def __init__(self, error):
        super().__init__()
        self.error, self.linear = error, gv.GCNConv(34, 2)
        self.steps = self.seed = 0

    def reset_parameters(self):
        self.linear.reset_parameters()
        self.seed = torch.initial_seed()

    def forward(self, x, domain):
        time.sleep(0.005)
        self.steps += self.training
        if self.seed == 1 and self.steps == 4:
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            raise self.error()
        return self.linear(x, domain)


class OwnError(Exception):
    """An error that cannot be rebuilt from its arguments."""

    def __init__(self, code, *, words):
        super().__init__(words)
        self.code = code


class TestFailed:
    def test_an_error_arrives_as_itself_with_the_seed(self):
        def mine():
            return ZeroDivisionError("mine")

        task = gv.data.load("karate")
        with pytest.raises(ZeroDivisionError, match="mine") as caught:
            fit(Fails(mine), task, Recipe(epochs=9), 3, progress=False,
                jobs=2)  # fmt: skip
        assert caught.value.__notes__ == ["In the training of seed 1."]
        assert "raise self.error()" in str(caught.value.__cause__)
        assert not children()

    def test_one_that_cannot_be_sent_arrives_with_its_name(self):
        task, error = gv.data.load("karate"), lambda: OwnError(3, words="mine")
        with pytest.raises(RuntimeError, match="OwnError: mine"):
            fit(Fails(error), task, Recipe(epochs=9), 3, progress=False, jobs=2)

    def test_a_diverged_loss_is_the_usual_error(self):
        task = gv.data.load("karate")
        with pytest.raises(ValueError, match="lower the learning rate"):
            fit(small(task), task, Recipe(epochs=9, lr=1e30), 3, progress=False, jobs=2)

    def test_a_killed_process_is_named_and_the_rest_is_saved(self, tmp_path, monkeypatch):
        task, recipe = gv.data.load("karate"), Recipe(epochs=9)
        with pytest.raises(ChildProcessError, match=r"seed 1 was killed by SIGKILL.*jobs=1"):
            fit(Fails(None), task, recipe, 4, progress=False, jobs=2, folder=tmp_path)
        assert not children()
        held = read_checkpoint(tmp_path / LAST).state
        assert held["done"] or held["running"]
        monkeypatch.setattr(Fails, "forward", lambda self, x, domain: self.linear(x, domain))
        resumed = fit(Fails(None), task, recipe, 4, progress=False, folder=tmp_path, resume=True)
        assert same(fit(Fails(None), task, recipe, 4, progress=False), resumed)

    def test_an_error_in_a_callback_is_raised_after_saving(self, tmp_path):
        task, recipe = gv.data.load("karate"), Recipe(epochs=6)

        def fail(event):
            if isinstance(event, EpochDone) and event.row["epoch"] == 3:
                raise ZeroDivisionError("mine")

        how = {"progress": False, "folder": tmp_path, "jobs": 2}
        with pytest.raises(ZeroDivisionError, match="mine"):
            fit(waiting(task), task, recipe, 4, callbacks=[fail], **how)
        resumed = fit(waiting(task), task, recipe, 4, resume=True, **how)
        assert same(fit(waiting(task), task, recipe, 4, progress=False), resumed)

    def test_no_process_outlives_a_killed_parent(self, tmp_path):
        code = (
            "import os, time, torch, gnnvision as gv\n"
            "from torch import nn\n"
            "class Waits(nn.Module):\n"
            "    def forward(self, x):\n"
            "        print(os.getpid(), flush=True); time.sleep(0.02); return x\n"
            "task = gv.data.load('karate')\n"
            "make = lambda: gv.Sequential(gv.GCNConv(34, 2), Waits())\n"
            "gv.fit(make, task, gv.Recipe(epochs=10**6), 2, progress=False, jobs=2, group=1)\n"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        seen = set()
        while len(seen - {parent.pid}) < 2:
            seen.add(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        parent.stdout.close()
        workers, end = seen - {parent.pid}, time.monotonic() + 20
        while any(map(runs, workers)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(runs, workers))


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class TestStarting:
    def test_after_the_parent_has_used_threads(self):
        """Threads of OpenMP are gone after a fork; a region with several would wait for them."""
        code = (
            "import torch, gnnvision as gv\n"
            "torch.set_num_threads(2)\n"
            "x = torch.randn(1000, 1000, requires_grad=True); (x @ x).relu().sum().backward()\n"
            "task = gv.data.from_tensors(torch.rand(60, 1, 64, 64), torch.arange(60) % 2)\n"
            "model = gv.Sequential(gv.Conv2d(1, 8, 3), gv.Readout(), torch.nn.Linear(8, 2))\n"
            "for threads in (2, 4):\n"
            "    torch.set_num_threads(threads)\n"
            "    recipe = gv.Recipe(epochs=2)\n"
            "    result = gv.fit(model, task, recipe, 2, progress=False, jobs=2, group=1)\n"
            "    print(result.threads)\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True,
            timeout=120, env=os.environ | {"OMP_NUM_THREADS": "2"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["1", "2"]

    def test_where_no_process_can_be_forked(self, monkeypatch):
        task = gv.data.load("karate")
        monkeypatch.setattr(processes.sys, "platform", "darwin")
        recipe = Recipe(epochs=2)
        two = fit(small(task), task, recipe, 2, progress=False, jobs=2)
        assert same(fit(small(task), task, recipe, 2, progress=False), two)
        with pytest.raises(ValueError, match=r"'model' must be picklable.*top level of a file"):
            fit(lambda: small(task), task, recipe, 2, progress=False, jobs=2)

    @pytest.mark.parametrize(
        ("jobs", "units", "values", "expected"),
        [(1, 9, 10, 1), (4, 9, 10, 4), (4, 3, 10, 3), (4, 1, 10, 1), (2, 9, MANY_VALUES, 2),
         ("auto", 99, 10, 8), ("auto", 3, 10, 3), ("auto", 0, 10, 1)],
    )  # fmt: skip
    def test_how_many(self, monkeypatch, jobs, units, values, expected):
        monkeypatch.setattr(processes, "cores", lambda: 8)
        assert count_jobs(jobs, units, values, "cpu") == expected

    def test_what_is_refused(self):
        for wrong in (0, -1, True, 1.5, "all", None):
            with pytest.raises(ValueError, match="'jobs' must be 'auto' or at least 1, got"):
                count_jobs(wrong, 3, 10, "cpu")
        with pytest.raises(ValueError, match="'jobs' must be 1 on the device 'cuda', got 2"):
            count_jobs(2, 3, 10, "cuda")
        assert count_jobs("auto", 3, 10, "cuda") == 1

    def test_the_overview_says_how_many(self, capsys):
        model, task, recipe = of_a_graph()
        fit(model, task, recipe, 2, jobs=2)
        assert "in 2 processes with one thread each" in capsys.readouterr().out
        fit(model, task, recipe, 2)
        assert "processes" not in capsys.readouterr().out


class TestMessages:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
    def test_tensors_come_back(self, dtype):
        held = {
            "a": torch.rand(3, 4).mul(5).to(dtype), "b": torch.zeros(0, 2, dtype=dtype),
            "c": torch.tensor(1, dtype=dtype), "d": torch.rand(4, 3).to(dtype).t(),
        }  # fmt: skip
        got = loads(dumps([held, "text"]))[0]
        assert equal(held, got)
        assert all(got[name].dtype is dtype for name in held)
        assert got["a"].zero_().any().logical_not()  # and can be written to

    def test_a_tensor_costs_little_more_than_its_bytes(self):
        assert len(dumps(torch.zeros(1000))) < 4200 < len(pickle.dumps(torch.zeros(1000)))


def test_the_time_of_a_training_is_that_which_passed():
    task = gv.data.load("karate")
    result = fit(waiting(task), task, Recipe(epochs=5), 4, progress=False, jobs=4)
    each = [outcome.seconds for outcome in result.outcomes]
    assert max(each) <= result.train_seconds
    assert min(each) > 5 * 0.02
