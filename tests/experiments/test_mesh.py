"""`experiments/mesh.py` as a user runs it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "mesh.py"


def run(folder, *flags):
    return subprocess.run(
        [sys.executable, SCRIPT, *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_edges_help_on_shapes_that_are_new(tmp_path):
    done = run(tmp_path, "--layer", "GraphConv", "--epochs", "120", "--seeds", "1")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / re.search(r"report: (.*)/report.html", done.stdout).group(1)
    assert (folder / "figures" / "meshes.png").stat().st_size > 100_000
    scores = {}
    for name in ("GraphConv", "without_edges"):
        result = json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        scores[name] = result["metrics"]["test"]["balanced_accuracy"]["mean"]
    assert scores["GraphConv"] > scores["without_edges"] + 0.1
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "balanced accuracy" in text
    assert "without edges" in text


def test_user_errors_exit_with_one_line(tmp_path):
    done = run(tmp_path, "--layer", "GCNKonv")
    assert done.returncode == 2
    assert "GCNConv" in done.stderr
    assert "Traceback" not in done.stderr
