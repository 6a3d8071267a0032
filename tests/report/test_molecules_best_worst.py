import numpy as np

from gnnvision.report.molecules_best_worst import best_and_worst
from gnnvision.report.parts import Run
from gnnvision.report.predictions import errors, predict_all

from .rows import rows_of


def test_the_worst_is_the_worst_and_its_neighbor_the_nearest(molecules_run, tmp_path):
    section = best_and_worst(Run(molecules_run, tmp_path))
    off = errors(molecules_run.task, predict_all(molecules_run))[:, 0]
    test = molecules_run.task.split.test
    worst = rows_of(tmp_path / "molecules_worst.svg")
    best = rows_of(tmp_path / "molecules_best.svg")
    assert int(worst[0]["row"]) - 1 == test[np.argmax(off[test])]
    assert int(best[0]["row"]) - 1 == test[np.argmin(off[test])]
    assert section.tables[0].rows[0][0] == worst[0]["smiles"]
