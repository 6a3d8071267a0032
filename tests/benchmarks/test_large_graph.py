"""The benchmarks of large graphs run, at a small size."""

import sys
from pathlib import Path

import gnnvision as gv

BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
import large_graph  # noqa: E402
import sampled_accuracy  # noqa: E402

sys.path.remove(BENCHMARKS)


def test_each_phase_follows_from_the_one_before(tmp_path, capsys):
    flags = ["--nodes", "4000", "--epochs", "6", "--batch-size", "40", "--folder", str(tmp_path)]
    options = large_graph.parse(flags)
    found = {name: large_graph.phase(name, tmp_path, options) for name in large_graph.PHASES}
    assert found["build"]["edges"] == found["evaluate"]["edges"] == 40_000
    assert all(0 < one["own"] <= one["resident"] for one in found.values())
    assert "6 epochs of 320 nodes, 48 steps" in found["train"]["text"]
    test = float(found["evaluate"]["text"].partition("test ")[2].rstrip("%"))
    assert test > 60  # without edges it is about 30


def test_a_table_of_both_ways(capsys, monkeypatch):
    monkeypatch.setitem(
        sampled_accuracy.SETTINGS, "power-law", (8, gv.Recipe(epochs=20, lr=0.03), 2, 40)
    )
    flags = ["--only", "power-law", "--nodes", "2000", "--seeds", "2", "--epochs", "2"]
    sampled_accuracy.main(flags)
    *_, row = capsys.readouterr().out.splitlines()
    cells = row.split()
    assert cells[0] == "power-law"
    alone, whole, sampled, difference = (float(cells[place]) for place in (1, 4, 7, 10))
    assert abs(sampled - whole - difference) < 0.02
    assert alone < whole
    assert "public split" in row
