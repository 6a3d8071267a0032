"""The sections of `make gpu-check` that run in one process, on a pretended GPU."""

import sys
import warnings
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import gpu_sections
import gpu_training

import gnnvision as gv
from gnnvision.training.captured import Captured

from . import tasks


def test_each_operator_and_layer_beside_the_cpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # put back afterwards
    rows = list(gpu_sections.layers("cuda", small=True))
    assert [row.outcome for row in rows] == ["passed", "passed"], rows
    assert gpu.calls > 1000


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Fewer epochs, on a few molecules."""
    monkeypatch.setattr(gpu_training, "EPOCHS", 6)
    task = tasks.molecules(tmp_path)
    model = gv.models.molecule_gcn(task.in_channels, 1, 8, num_layers=2)
    made = (task, model, gv.Recipe(epochs=100, batch_size=16))
    monkeypatch.setitem(gpu_training.KINDS, "molecules", lambda: made)


def test_training_steps_are_captured_and_wait_for_nothing(gpu, small):
    rows = list(gpu_training.training("cuda", small=True))
    assert [row.check for row in rows] == [
        f"{check}, {name}"
        for name in ("citation graph", "molecules", "images")
        for check in ("captured", "waits in a step", "as without", "a training step")
    ]
    assert [row.outcome for row in rows] == [*["passed"] * 3, "measured"] * 3, rows
    replayed = [row.figure for row in rows[::4]]
    assert [text.endswith("steps replayed") for text in replayed] == [True] * 3
    assert replayed[1].startswith("0 of")
    assert [row.figure.partition(" in an")[0] for row in rows[1::4]][::2] == ["none; 1"] * 2
    assert [row.figure for row in rows[2::4]] == [
        "losses of 6 epochs differ by 0.0e+00 of their value at most"
    ] * 3


def test_a_step_that_waits_is_refused(gpu, small, monkeypatch):
    def waits(self, *batch):
        stepped = self.step(*batch)
        stepped.loss.item()
        return stepped

    monkeypatch.setattr(Captured, "__call__", waits)
    rows = list(gpu_training.training("cuda", small=True))
    refused = [row for row in rows if row.check.startswith("no wait")]
    assert [row.outcome for row in refused] == ["failed"] * 3
    assert refused[0].figure == "called a synchronizing CUDA operation"


def test_warnings_of_waits_are_given_where_they_are_asked_for(gpu):
    x = torch.ones(2, device="cuda")
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert x.sum().item() == 2
    torch.cuda.set_sync_debug_mode("default")
    assert x.sum().item() == 2
    assert ["synchronizing" in str(warning.message) for warning in caught] == [True]
