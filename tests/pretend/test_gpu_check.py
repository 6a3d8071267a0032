"""The sections of `make gpu-check` that run in one process, on a pretended GPU."""

import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import gpu_sections


def test_each_operator_and_layer_beside_the_cpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # put back afterwards
    rows = list(gpu_sections.layers("cuda", small=True))
    assert [row.outcome for row in rows] == ["passed", "passed"], rows
    assert gpu.calls > 1000


def test_the_waits_of_a_training_step(gpu):
    """As few as the ledger counts, whose warnings are those of torch."""
    rows = list(gpu_sections.waits("cuda"))
    names = ("citation graph", "molecules", "images")
    assert [row.check for row in rows] == [f"host waits a step, {name}" for name in names]
    assert [row.outcome for row in rows] == ["measured"] * 3
    citation, molecules, images = (float(row.figure.split(" ", 1)[0]) for row in rows)
    assert 0 < citation <= 8  # its one step is the whole epoch
    assert molecules <= 2
    assert images <= 1


def test_warnings_of_waits_are_given_where_they_are_asked_for(gpu):
    x = torch.ones(2, device="cuda")
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert x.sum().item() == 2
    torch.cuda.set_sync_debug_mode("default")
    assert x.sum().item() == 2
    assert ["synchronizing" in str(warning.message) for warning in caught] == [True]
