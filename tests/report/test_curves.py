import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.curves import curves, over_seeds
from gnnvision.report.headline import headline
from gnnvision.report.parts import Run

from .conftest import picture_task


class Stopped:
    def __init__(self, *losses):
        self.history = [{"val_loss": loss} for loss in losses]


def test_lines_end_where_fewer_than_half_of_the_seeds_still_run():
    table = over_seeds([Stopped(3, 2, 1), Stopped(5, 4), Stopped(7)], "val_loss")
    expected = [[3, 2], [5, 4], [7, math.nan]]
    np.testing.assert_array_equal(table, expected)


def test_one_seed_keeps_all_its_epochs():
    assert over_seeds([Stopped(3, 2, 1)], "val_loss").tolist() == [[3, 2, 1]]


@pytest.mark.parametrize("drops", [True, False])
def test_dropout_is_mentioned_where_there_is_some(tmp_path, drops):
    task = gv.data.load("karate")
    dropout = gv.Dropout(0.5) if drops else nn.ReLU()
    model = gv.Sequential(gv.GCNConv(34, 4), dropout, gv.GCNConv(4, 2))
    result = gv.fit(model, task, gv.Recipe(epochs=2), progress=False)
    note = curves(Run(result, tmp_path)).note
    assert (
        "with dropout on; validation values after each epoch with dropout off" in note
    ) == drops
    assert "Training values are measured while the weights change" in note


def test_the_training_loss_is_without_label_smoothing_as_the_validation_loss(tmp_path):
    """At a learning rate of 0 and on the same items, both curves are one."""
    task = gv.data.load("karate", dense=True)
    split = gv.data.Split("own", task.split.train, task.split.test, task.split.val)
    task = replace(task, split=split)
    model = gv.models.gcn(34, 4, 2, dropout=0.0)
    settings = {"epochs": 1, "lr": 0.0, "label_smoothing": 0.3}
    result = gv.fit(model, task, gv.Recipe(**settings), progress=False)
    output = result.model.eval()(task.x, task.graph)
    items = torch.tensor(task.split.train)
    plain = torch.nn.functional.cross_entropy(output[items], task.y[items])
    assert result.best.history[0]["train_loss"] == pytest.approx(plain.item(), rel=1e-6)
    assert result.best.metrics["train"]["loss"] == pytest.approx(plain.item(), rel=1e-6)
    note = curves(Run(result, tmp_path)).note
    assert "exclude weight decay and label smoothing (0.3), which were trained with" in note


def test_the_note_says_what_the_curves_and_the_results_are_measured_with(tmp_path):
    task = picture_task(30).with_test_views("mirror")
    model = gv.models.mnist_cnn(3, 3, (9, 12), head="average")
    recipe = gv.Recipe(epochs=2, lr=1e-3, ema_decay=0.5, progressive_resizing=0.5)
    result = gv.fit(model, task, recipe, progress=False)
    note = curves(Run(result, tmp_path)).note
    for words in (
        "measured without test-time augmentation; the results at the top are the mean over the "
        "image and its mirror image",
        "results at the top are those of their exponential moving average (EMA)",
        "The training images are smaller in the first 50 % of the epochs",
    ):
        assert words in note
    what = headline(Run(result, tmp_path)).what
    assert "test accuracy of the mean output over the image and its mirror image, one" in what
    assert "mean output over test views (mirror)" in result.summary()


def test_the_stages_of_fine_tuning_are_marked(pictures_run, tmp_path):
    stages = [(1, "the head alone"), (2, "the last 3 blocks and the head")]
    outcome = replace(pictures_run.best, stages=stages)
    section = curves(Run(replace(pictures_run, outcomes=[outcome]), tmp_path))
    assert "the head alone is trained first; from epoch 2 the last 3 blocks" in section.note
    assert "a jump there is normal" in section.note
    assert "Fine-tuning" not in curves(Run(pictures_run, tmp_path)).note


def test_a_curve_that_is_undefined_is_left_out(pictures_run, tmp_path):
    rows = [row | {"val_accuracy": math.nan} for row in pictures_run.best.history]
    outcome = replace(pictures_run.best, history=rows)
    section = curves(Run(replace(pictures_run, outcomes=[outcome]), tmp_path))
    assert "validation accuracy is undefined" in section.figures[1].alt
    partly = [rows[0], pictures_run.best.history[1]]
    outcomes = [replace(pictures_run.best, history=held) for held in (rows, partly)]
    section = curves(Run(replace(pictures_run, outcomes=outcomes), tmp_path))
    assert "validation accuracy ends at" in section.figures[1].alt
