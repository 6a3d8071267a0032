import math

import numpy as np
import pytest
from torch import nn

import gnnvision as gv
from gnnvision.report.curves import curves, over_seeds
from gnnvision.report.parts import Run


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
def test_dropout_is_spoken_of_where_there_is_some(tmp_path, drops):
    task = gv.data.load("karate")
    dropout = gv.Dropout(0.5) if drops else nn.ReLU()
    model = gv.Sequential(gv.GCNConv(34, 4), dropout, gv.GCNConv(4, 2))
    result = gv.fit(model, task, gv.Recipe(epochs=2), progress=False)
    note = curves(Run(result, tmp_path)).note
    assert (
        "with dropout on, validation values after each epoch with dropout off" in note
    ) == drops
    assert "Training values are measured while the weights change" in note
