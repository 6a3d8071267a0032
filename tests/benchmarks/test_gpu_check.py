import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import gpu_check
import gpu_parity
import gpu_sections
from gpu_check import Row


def test_every_section_has_a_time_limit_and_all_fit_eight_minutes_but_for_slack():
    assert list(gpu_check.LIMITS) == list(gpu_sections.SECTIONS)
    assert gpu_check.BUDGET_S == 480


def test_operators_and_layers_equal_themselves():
    rows = list(gpu_sections.layers("cpu", small=True))
    assert [row.outcome for row in rows] == ["passed", "passed"]
    assert "largest relative difference 0.0e+00" in rows[0].figure


@pytest.mark.parametrize("wrong", [0.5, math.nan])
def test_a_layer_that_differs_is_named(monkeypatch, wrong):
    def difference(name, device, dtype):
        return wrong if name == "layer GCNConv" else 0.0

    monkeypatch.setattr(gpu_sections, "difference", difference)
    rows = list(gpu_sections.layers("cpu", small=True))
    assert [row.outcome for row in rows] == ["failed", "failed"]
    assert "layer GCNConv" in rows[0].figure


def test_the_difference_is_that_of_values_and_gradients(monkeypatch):
    exact = gpu_parity.OPERATORS["segment sum"]

    def shifted(device, dtype):
        y, (gradient,) = exact(device, dtype)
        return y, [gradient + (0.25 if shifted.calls else 0.0) * gradient.abs().max()]

    shifted.calls = 0

    def counted(device, dtype):
        found = shifted(device, dtype)
        shifted.calls += 1
        return found

    monkeypatch.setitem(gpu_parity.OPERATORS, "segment sum", counted)
    assert gpu_parity.difference("segment sum", "cpu", torch.float64) == pytest.approx(0.25)


def test_every_public_convolution_is_compared():
    import gnnvision as gv

    names = {name.partition(",")[0].partition(" ")[0] for name in gpu_parity.LAYERS}
    public = {name for name in gv.__all__ if name.endswith(("Conv", "Conv1d", "Conv2d", "Conv3d"))}
    assert public <= names


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_ends_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as end:
        gpu_check.main([])
    assert end.value.code == 2
    assert "'--device' must be a GPU of this machine" in capsys.readouterr().err


def test_a_section_that_does_not_end_is_stopped_and_fails():
    rows = gpu_check.run_section("layers", "cpu", True, limit=0.01)
    assert rows == [Row("layers", "failed", "not finished within 0 s", 0.01)]


def test_a_section_in_a_process_of_its_own(tmp_path, capsys):
    table = tmp_path / "gpu.md"
    gpu_check.main(
        ["--device", "cpu", "--small", "--only", "layers", "airbench", "--out", str(table)]
    )
    text = table.read_text()
    assert "No GPU: these values do not apply to one." in text
    assert "| airbench94 on the same images | skipped |" in text
    assert text.count("passed") == 2
    assert text.splitlines()[-1] in capsys.readouterr().out


def test_a_script_that_fails_is_a_failed_row(tmp_path):
    row, run = gpu_sections.script_row(
        "wrong", "gcn_cora", "--dataset", "nowhere", out=tmp_path / "runs"
    )
    assert row.outcome == "failed"
    assert "gcn_cora.py ended with 2" in row.figure
    assert run is None


def test_a_failed_row_ends_with_code_1(monkeypatch, capsys):
    monkeypatch.setattr(
        gpu_check, "run_section", lambda *_: [Row("layers", "failed", "a | b", 1.0)]
    )
    with pytest.raises(SystemExit) as end:
        gpu_check.main(["--device", "cpu", "--only", "layers"])
    assert end.value.code == 1
    output = capsys.readouterr()
    assert "| layers | failed | a / b | 1.0 |" in output.out
    assert "failed: layers" in output.err
