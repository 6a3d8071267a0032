from dataclasses import replace

import pytest
import torch

from gnnvision.report.mistakes import mistakes, wrong_items
from gnnvision.report.parts import Run

from .rows import rows_of


def shares(result):
    """What the kept model says of every test picture."""
    task = result.task
    items = torch.from_numpy(task.split.test.copy())
    with torch.no_grad():
        return items, result.model.eval()(task.normalize(task.images_at(items))).softmax(1)


def test_they_are_the_surest_wrong_ones(pictures_run, tmp_path):
    items, sure = shares(pictures_run)
    section = mistakes(Run(pictures_run, tmp_path))
    wrong = sure.argmax(1) != pictures_run.task.y[items]
    assert f"{int(wrong.sum())} were put into a wrong class" in section.lead
    expected = sure.amax(1)[wrong].sort(descending=True).values[:12]
    rows = rows_of(tmp_path / "mistakes.png")
    given = torch.tensor([float(row["predicted_probability"]) for row in rows])
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=0)
    names = pictures_run.task.class_names
    for row in rows:
        place = int((items == int(row["item"])).nonzero())
        assert row["true_class"] == names[int(pictures_run.task.y[int(row["item"])])]
        assert row["predicted_class"] == names[int(sure[place].argmax())] != row["true_class"]
        assert row["file"] == f"folder/{row['item']}.png"
    assert "the one reading of the test part" in section.note


def test_the_count_is_that_of_the_score(pictures_run, tmp_path):
    wrong, count = wrong_items(Run(pictures_run, tmp_path))
    assert 1 - len(wrong) / count == pytest.approx(pictures_run.best.metrics["test"]["accuracy"])


def test_a_close_call_that_is_right_in_another_precision_is_not_shown(pictures_run, tmp_path):
    items, sure = shares(pictures_run)
    best = pictures_run.best
    said = (sure.argmax(1) + 1) % 3  # as if all had been measured otherwise
    other = replace(pictures_run, outcomes=[replace(best, prediction=said)])
    mistakes(Run(other, tmp_path))
    rows = rows_of(tmp_path / "mistakes.png")
    assert rows
    assert all(row["true_class"] != row["predicted_class"] for row in rows)
    right = pictures_run.task.y[items] == sure.argmax(1)
    only = replace(best, prediction=torch.where(right, said, best.target))
    assert mistakes(Run(replace(pictures_run, outcomes=[only]), tmp_path)) is None


def test_without_a_mistake_there_is_no_sheet(pictures_run, tmp_path):
    best = pictures_run.best
    right = replace(pictures_run, outcomes=[replace(best, prediction=best.target.clone())])
    assert mistakes(Run(right, tmp_path)) is None
