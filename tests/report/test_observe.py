import numpy as np
import torch

import gnnvision as gv
from gnnvision.report import observe as module
from gnnvision.report.observe import observe

from .conftest import picture_task


def test_what_is_observed_is_what_was_measured(stdlib_run):
    task = stdlib_run.task
    seen = observe(task, stdlib_run.model)
    assert torch.equal(seen.prediction[seen.test], stdlib_run.best.prediction)
    assert torch.equal(seen.target[seen.test], stdlib_run.best.target)
    assert seen.hidden.shape == (task.graph.num_nodes, 8)
    assert seen.layer == "4"


def test_pictures_are_observed_in_the_order_they_were_measured(pictures_run):
    seen = observe(pictures_run.task, pictures_run.model)
    assert torch.equal(seen.prediction, pictures_run.best.prediction)
    assert torch.equal(seen.target, pictures_run.best.target)
    assert seen.inputs.shape == (40, 9 * 12 * 3)
    assert seen.given == "324 pixel values"
    assert seen.of is None


def test_of_many_pictures_a_sample_of_all_classes_is_observed(monkeypatch):
    """Files often come class by class, so the first ones would be of one class."""
    monkeypatch.setattr(module, "MOST_IMAGES", 30)
    task = picture_task(300)
    model = gv.models.small_resnet(3, 3, (9, 12), width=4, stages=1)
    seen = observe(task, model)
    assert len(seen.target) == 30
    assert seen.of == 100
    assert np.bincount(seen.target).min() > 3
