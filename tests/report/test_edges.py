"""Pages of runs with empty parts and undefined figures: complete, and without a made-up number."""

import re
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.data import Split
from gnnvision.report import write_report
from gnnvision.report.words import amount

from .conftest import picture_task, trained
from .rows import rows_of


def text_of(result):
    """The words of the page, and of the tables beside its figures."""
    page = re.sub(r'src="data:[^"]*"', "", write_report(result).read_text(encoding="utf-8"))
    for path in result.folder.rglob("*.csv"):
        assert not re.search(r"(^|,)nan(,|$)", path.read_text(), re.MULTILINE), path
    return page


def emptied(task, *parts):
    held = {p: [] if p in parts else getattr(task.split, p) for p in ("train", "val", "test")}
    return replace(task, split=Split("own", **held))


@pytest.mark.parametrize("parts", [("test",), ("val", "test")])
def test_molecules_without_a_test_part(molecules_run, parts, tmp_path):
    task = replace(emptied(molecules_run.task, *parts), splitter=None)
    result = trained(
        task, tmp_path, 2, 1, model=deepcopy(molecules_run.model), checkpoint_selection="last"
    )
    page = text_of(result)
    assert "<b>undefined</b>" in page
    assert "The test split is empty: nothing was tested" in page
    assert "the first of the training split" in page
    assert not re.search(r"\bnan\b", page)


def test_targets_that_never_change_have_no_r2(molecules_run, tmp_path):
    task = replace(molecules_run.task, y=torch.full_like(molecules_run.task.y, 0.1))
    page = text_of(trained(task, tmp_path, 1, 1, model=deepcopy(molecules_run.model)))
    assert "R² is undefined: all known values are equal" in page
    assert "undefined: all known values are equal" in page
    assert not re.search(r"\bnan\b", page)


def test_a_test_part_of_one_class_has_no_ranking(answers_run, tmp_path):
    task = answers_run.task
    y = task.y.clone()
    y[torch.tensor(task.split.test)] = 0
    model = deepcopy(answers_run.model)
    result = trained(replace(task, y=y, splitter=None), tmp_path, 2, 1, model=model)
    page = text_of(result)
    assert "none of the 2 targets has both classes" in page
    assert "50.0 %" not in page
    assert not (result.folder / "figures" / "seeds.svg").exists()


@pytest.mark.filterwarnings("ignore:Seed:UserWarning")
def test_classes_that_are_not_tested_have_no_shares(tmp_path):
    task = picture_task(60)
    first = [n for n in task.split.test.tolist() if task.y[n] == 0]
    task = replace(task, split=Split("own", task.split.train, task.split.val, first))
    model = gv.models.mnist_cnn(3, 3, (9, 12), head="average")
    page = text_of(trained(task, tmp_path, 1, 1, model, lr=1e-3))
    assert "A class without test images has no percentages and no recall." in page
    shares = rows_of(tmp_path / "figures" / "confusion_shares.svg")
    assert list(shares[1].values())[1:] == ["", "", ""]
    assert sum(map(float, list(shares[0].values())[1:])) == pytest.approx(1)


def test_an_undefined_figure_in_words():
    assert amount("rocauc", float("nan")) == "undefined"
    assert amount("rocauc", 0.5) == "50.0 %"
