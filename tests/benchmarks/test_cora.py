import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import cora

import gnnvision as gv

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")


@pytest.fixture
def task():
    return gv.data.load("stdlib")


def test_the_normalized_form_computes_what_the_example_does(task, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model, **settings: model)
    x = task.x.to_dense()
    example, best = (cora.PyGTraining(task, x, compiled) for compiled in (False, True))
    for training in (example, best):
        optimizer = training.start(3)
        torch.manual_seed(7)
        training.step(optimizer)
    for ours, theirs in zip(example.model.parameters(), best.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert example.accuracy() == best.accuracy()


def test_the_best_form_is_compiled_as_torch_geometric_says(task, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda model, **given: asked.append(given) or model)
    cora.PyGTraining(task, task.x.to_dense(), compiled=True)
    assert asked == [{"dynamic": False, "fullgraph": True}]


def test_ours_trains_all_seeds_and_a_peer_one(monkeypatch):
    monkeypatch.setattr(cora, "EPOCHS", 2)
    found = cora.programs("cpu", 3, "stdlib", peers=(cora.PEER,))
    for program in found.calls.values():
        program()
    assert {name: len(values) for name, values in found.accuracy.items()} == {
        cora.OURS: 3,
        cora.PEER: 1,
    }
    assert list(found.calls) == [cora.OURS, cora.PEER]
    assert found.preparing[cora.PEER] > 0


def test_steps_are_counted_from_epoch_ten_on(monkeypatch):
    """The first nine steps take 100 s each, the others 1 s, on a clock of our own."""
    now = [0.0]
    steps = []
    monkeypatch.setattr(cora.time, "perf_counter", lambda: now[0])

    def step():
        now[0] += 100.0 if len(steps) < 9 else 1.0
        steps.append(now[0])

    def evaluate():
        now[0] += 1000.0

    assert cora._median_of_steps(step, evaluate, 15, "cpu") == 1.0
    assert len(steps) == 15
