import csv
import re
from dataclasses import replace

import pytest
import torch

from gnnvision.report.confusion import _percent, confusion, confusion_counts
from gnnvision.report.parts import Run

from .conftest import picture_task
from .rows import rows_of


def test_counts_are_summed_over_seeds(karate_run):
    result, _ = karate_run
    counts = confusion_counts(result)
    targets = torch.cat([outcome.target for outcome in result.outcomes])
    assert counts.sum(1).tolist() == torch.bincount(targets, minlength=2).tolist()
    right = sum(int((o.target == o.prediction).sum()) for o in result.outcomes)
    assert counts.trace() == right


def test_the_file_holds_the_counts(karate_run):
    result, page = karate_run
    with (page.parent / "figures" / "confusion.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["true_class"] for row in rows] == ["Mr. Hi", "Officer"]
    numbers = [[int(row[name]) for name in result.task.class_names] for row in rows]
    assert numbers == confusion_counts(result).tolist()


def made(pictures_run, classes, tmp_path):
    """A run of so many classes of which each seventh image is predicted as the next class."""
    task = picture_task(7 * classes, 1, (4, 2 * classes), classes)
    target = torch.arange(classes).repeat_interleave(7)
    prediction = torch.where(torch.arange(len(target)) % 7 == 0, (target + 1) % classes, target)
    outcome = replace(pictures_run.best, target=target, prediction=prediction)
    return Run(replace(pictures_run, task=task, outcomes=[outcome]), tmp_path)


@pytest.mark.parametrize("classes", [2, 10, 30, 101])
def test_any_number_of_classes(pictures_run, classes, tmp_path):
    run = made(pictures_run, classes, tmp_path)
    section = confusion(run)
    held = rows_of(tmp_path / "confusion.svg")
    assert len(held) == classes
    assert {int(row[row["true_class"]]) for row in held} == {6}
    stems = [figure.path.stem for figure in section.figures]
    assert stems == (["confusion_shares", "confusion"] if classes <= 16 else ["confusion"])
    longest = max(len(table.rows) for table in section.tables)
    assert longest == (classes if classes <= 40 else 15)
    for figure in section.figures:
        view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', figure.path.read_text())
        assert max(map(float, view.groups())) < 72 * 16
    if classes <= 16:
        shares = rows_of(tmp_path / "confusion_shares.svg")
        assert float(shares[0]["red"]) == pytest.approx(6 / 7, abs=1e-5)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (0.001, "<1"), (0.005, "<1"), (0.0099, "<1"), (0.016, "2"), (1, "100")],
)
def test_a_rare_mistake_is_not_none(share, text):
    assert _percent(share) == text


def test_with_very_many_classes_the_commonest_mistakes_are_listed(pictures_run, tmp_path):
    pairs, worst = confusion(made(pictures_run, 50, tmp_path)).tables
    assert pairs.rows[0] == ("red (0)", "green (1)", "1")
    assert worst.rows[0][:2] == ("red (0)", "85.7 %")
