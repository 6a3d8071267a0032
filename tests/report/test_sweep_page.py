"""The page of a sweep: what was chosen, by what, and what is not shown for few trials."""

import json
import re
from dataclasses import replace

import pytest

import gnnvision as gv
from gnnvision.report.runs import read_runs
from gnnvision.training import Choices, Range, Sweep, Trial

from .conftest import trained

SPACE = {
    "lr": Range(1e-3, 0.1, log=True),
    "층": Choices(("하나", "둘")),
    "layers": Range(2, 4),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "sweep" / "이름"
    task = gv.data.load("karate")
    result = trained(task, folder / "best" / "trial-1", epochs=3)
    (folder / "config.json").write_text(
        json.dumps({"started": "2026-11-27 20:00", "command": "gnnvision sweep karate"})
    )
    trials = [
        Trial(n, {"lr": 0.001 * (n + 1), "층": ("하나", "둘")[n % 2], "layers": 2 + n % 3},
              (0.5 + n / 100, 0.6), 1.0, 2.0)
        for n in range(22)
    ]  # fmt: skip
    trials[3] = replace(trials[3], scores=(), reason="loss diverged (nan) in <epoch> 2")
    return Sweep(folder, SPACE, "accuracy", True, [0, 1], trials, result)


def text_of(page):
    return " ".join(re.sub("<[^>]*>", " ", page.read_text(encoding="utf-8")).split())


def test_the_page_of_a_sweep(found):
    (found.result.folder / "report.html").touch()
    page = found.report("gnnvision train karate --set lr=0.022")
    text = text_of(page)
    assert "Trial 21 has the best mean validation score of 21 complete trials." in text
    assert "Validation: Accuracy trial 21, seeds 0, 1 65.5 ± 7.8 %" in text
    assert "gnnvision sweep karate # the best settings alone gnnvision train karate --set" in text
    assert "loss diverged (nan) in &lt;epoch&gt; 2" in text
    assert "Importance: a random forest predicts the scores" in text
    assert "over 21 trials" in text
    rows = re.findall(r"<td[^>]*>(\d+)</td>\s*<td[^>]*>(\d+)</td>", page.read_text("utf-8"))
    assert [int(trial) for _, trial in rows][:3] == [21, 20, 19]  # the best first
    assert 'href="best/trial-1/report.html"' in page.read_text("utf-8")
    names = {file.name for file in (found.folder / "figures").iterdir()}
    assert names == {
        "search.csv",
        "search.svg",
        "settings.csv",
        *(f"setting_{n}.svg" for n in range(3)),
    }
    ticks = (found.folder / "figures" / "setting_0.svg").read_text("utf-8")
    assert "mathdefault" not in ticks


def test_the_index_lists_sweeps_that_have_a_page(found):
    found.report()
    entries = read_runs(found.folder.parent.parent)
    (entry,) = (entry for entry in entries if entry.experiment == "sweep")
    assert (entry.date, entry.kind, entry.name) == ("2026-11-27 20:00", "Sweep", "sweep/이름")
    (found.folder / "report.html").unlink()
    assert read_runs(found.folder.parent.parent) == []


def test_importance_is_not_shown_for_few_trials(found):
    few = replace(found, trials=found.trials[:19])
    text = text_of(few.report())
    assert "The importance of each setting is not shown: it needs 20 complete trials" in text
    assert "a random forest" not in text


def test_without_matplotlib_there_are_tables(found, monkeypatch):
    monkeypatch.setattr("gnnvision.report.sweep_page.missing_text", lambda *_: "missing")
    page = found.report()
    assert "<svg" not in page.read_text("utf-8").split("<main")[-1]
    assert "Trial 21 has the best" in text_of(page)
