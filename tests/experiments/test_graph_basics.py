"""`experiments/graph_basics.py` as a user runs it."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "graph_basics.py"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """The script in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("graph_basics", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "graph_basics", script)
    spec.loader.exec_module(script)
    return script.start


def test_matrices_are_printed(start, capsys, tmp_path):
    start(["--edges", "A-B", "B-C", "--steps"])
    out = capsys.readouterr().out
    assert "   A  B  C\nA  0  1  0\nB  1  0  1\nC  0  1  0" in out
    assert "B  0.408  0.333  0.408" in out
    assert "softmax(z): probabilities\n0.439  0.561" in out
    assert "C0" not in out
    start(["--smiles", "CCO", "--steps"])
    out = capsys.readouterr().out
    assert "O2  0  0  1      0  1" in out
    assert "triangles" not in out
    start(["--steps"])
    out = capsys.readouterr().out
    assert "triangles" in out
    assert "N0" in out
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--smiles", "C1"], "'smiles' must be a valid SMILES, got 'C1'"),
        (["--smiles", "C" * 13, "--steps"], "'smiles' must have at most 12 heavy atoms"),
        (["--edges", "A-A"], "'edges' must connect two different nodes, got 'A-A'"),
        (["--edges", *[f"0-{k}" for k in range(1, 14)]], "'edges' must have at most 12 nodes"),
        (["--steps", "--out", "x"], "'--out' must be left out with --steps"),
        (["--out", "/proc/1/x"], "'out' must be a writable folder"),
    ],
)
def test_user_errors_exit_with_one_line(start, capsys, flags, sentence):
    with pytest.raises(SystemExit) as end:
        start(flags)
    assert end.value.code == 2
    error = capsys.readouterr().err.replace("\n", " ")
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_a_run_leaves_everything(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--edges", "A-B", "B-C", "--smiles", "CCO"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / re.search(r"report: (.*)/report.html", done.stdout).group(1)
    assert folder.parent == tmp_path / "runs" / "graph_basics"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"config.json", "result.json", "report.html"} <= names
    assert len([name for name in names if name.startswith("figures/")]) > 12
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["inputs"]["smiles"] == "CCO"
    chapter = result["chapters"]["graphs"]
    assert chapter["normalized_adjacency"][1] == pytest.approx([6**-0.5, 1 / 3, 6**-0.5])
    assert chapter["probabilities"] == pytest.approx([0.439, 0.561], abs=5e-4)
    assert chapter["pixels"] == [0, 0, 3, 6, -3, 2, -4, 6, -1]
    text = (folder / "report.html").read_text(encoding="utf-8")
    for shown in ("From a graph to a prediction", "C1-O2: single", "0.4082", "Exercises"):
        assert shown in text
