import math

import numpy as np

from gnnvision.report.curves import over_seeds


class Stopped:
    def __init__(self, *losses):
        self.history = [{"val_loss": loss} for loss in losses]


def test_lines_end_where_fewer_than_half_of_the_seeds_still_run():
    table = over_seeds([Stopped(3, 2, 1), Stopped(5, 4), Stopped(7)], "val_loss")
    expected = [[3, 2], [5, 4], [7, math.nan]]
    np.testing.assert_array_equal(table, expected)


def test_one_seed_keeps_all_its_epochs():
    assert over_seeds([Stopped(3, 2, 1)], "val_loss").tolist() == [[3, 2, 1]]
