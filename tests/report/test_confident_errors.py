from dataclasses import replace

import pytest
import torch

from gnnvision.report.confident_errors import confident_errors, wrong_items
from gnnvision.report.parts import Run

from .rows import rows_of


def shares(result):
    """The predictions of the kept model for all test images."""
    task = result.task
    items = torch.from_numpy(task.split.test.copy())
    with torch.no_grad():
        return items, result.model.eval()(task.normalize(task.images_at(items))).softmax(1)


def test_they_are_the_wrong_ones_with_the_highest_probability(pictures_run, tmp_path):
    items, sure = shares(pictures_run)
    section = confident_errors(Run(pictures_run, tmp_path))
    wrong = sure.argmax(1) != pictures_run.task.y[items]
    assert f"misclassifies {int(wrong.sum())} of 40 test images" in section.lead
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
    assert "predictions of the final evaluation" in section.note


def test_the_count_is_that_of_the_score(pictures_run, tmp_path):
    wrong, count = wrong_items(Run(pictures_run, tmp_path))
    assert 1 - len(wrong) / count == pytest.approx(pictures_run.best.metrics["test"]["accuracy"])


def test_a_close_call_that_is_right_in_another_precision_is_not_shown(pictures_run, tmp_path):
    items, sure = shares(pictures_run)
    best = pictures_run.best
    other_class = (sure.argmax(1) + 1) % 3  # as if all had been measured otherwise
    other = replace(pictures_run, outcomes=[replace(best, prediction=other_class)])
    confident_errors(Run(other, tmp_path))
    rows = rows_of(tmp_path / "mistakes.png")
    assert rows
    assert all(row["true_class"] != row["predicted_class"] for row in rows)
    right = pictures_run.task.y[items] == sure.argmax(1)
    only = replace(best, prediction=torch.where(right, other_class, best.target))
    assert confident_errors(Run(replace(pictures_run, outcomes=[only]), tmp_path)) is None


def test_without_an_error_there_is_no_sheet(pictures_run, tmp_path):
    best = pictures_run.best
    right = replace(pictures_run, outcomes=[replace(best, prediction=best.target.clone())])
    assert confident_errors(Run(right, tmp_path)) is None
