"""A split whose scores mean nothing is warned of before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest

import gnnvision as gv
from gnnvision.data import Split


def test_a_validation_split_of_one_class_is_warned_of_and_noted():
    task = gv.data.load("karate")
    ones = np.flatnonzero(task.y.numpy() == 1)
    others = np.setdiff1d(np.arange(34), ones[:6])
    task = replace(task, split=Split("public", others[::2], ones[:6], others[1::2]))
    model = gv.models.gcn(task.in_channels, 4, task.num_classes)
    said = "The validation split has a single class, 'Officer' .6 items."
    with pytest.warns(UserWarning, match=f"Seed 0: {said}") as caught:
        result = gv.fit(model, task, gv.Recipe(epochs=1), seeds=2, progress=False)
    assert len(caught) == 1  # one split for both seeds
    assert len(result.notes) == 1
    assert result.notes[0].startswith("The validation split has a single class")
