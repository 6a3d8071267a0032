import numpy as np
import pytest

from gnnvision.report.molecules_alike import nearest


def test_the_nearest_of_a_training_molecule_is_itself(molecules_run):
    train = molecules_run.task.split.train.tolist()
    found = nearest(molecules_run.task, train)
    assert found.similarity == pytest.approx(np.ones(len(train)))
    test = molecules_run.task.split.test.tolist()
    assert set(nearest(molecules_run.task, test).rows.tolist()) <= set(train)
