"""`experiments/gcn_large.py`: sampled training and exact evaluation of a graph on disk."""

import json

import pytest

from .conftest import folder


@pytest.mark.parametrize("stored", [False, True])
def test_a_run_leaves_everything(inside, tmp_path, monkeypatch, stored):
    root = tmp_path / "data"
    root.mkdir()
    if stored:
        monkeypatch.setattr("gnnvision.data.graphs.generated.MOST_IN_MEMORY", 1000)
    flags = ("--nodes", "3000", "--epochs", "4", "--batch-size", "20", "--data-root", str(root))
    done = inside("gcn_large", *flags)
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    assert (root / "power-law" / "3000" / "graph.json").is_file() is stored
    result = json.loads((left / "result.json").read_text())
    assert result["dataset"] == "power-law"
    assert result["recipe"]["fanouts"] == [15, 10]
    report = (left / "report.html").read_text()
    assert "15; 10" in report
    assert "could not be summarized" not in report
    assert "the metrics at the end use all neighbors" in report
    assert "up to 15, then up to 10 neighbors" in done.stdout


def test_a_size_belongs_to_the_generated_graph(inside):
    done = inside("gcn_large", "--dataset", "karate", "--nodes", "3000")
    assert done.returncode == 2
    assert "error: '--nodes' must be left out for other data, got 3000" in done.stderr
    done = inside("gcn_large", "--nodes", "30")
    assert done.returncode == 2
    assert "error: '--nodes' must be" in done.stderr
