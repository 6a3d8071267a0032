import numpy as np
import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.images import (
    activations,
    compute_outputs,
    image_task,
    pixel_vectors,
    subsample,
)

from .conftest import picture_task


def test_a_draw_is_the_same_each_time_and_keeps_the_order():
    items = np.arange(1000, 3000)
    some = subsample(items, 50)
    assert np.array_equal(some, subsample(items, 50))
    assert (np.diff(some) > 0).all()
    assert some.max() > 2500
    assert np.array_equal(subsample(items, 5000), items)


def test_which_tasks_have_pictures():
    task = picture_task()
    assert image_task(task) is task
    assert image_task(task.reconstruction()) is task
    assert image_task(gv.data.load("karate")) is None


@pytest.mark.parametrize("name", ["fashion_dnn", "small_resnet"])
def test_what_enters_the_last_layer_makes_the_output(name):
    task = picture_task(channels=1)
    model = gv.models.build(name, in_channels=1, num_classes=3, image_size=(9, 12)).train()
    items = torch.arange(100)
    seen = activations(task, model, items)
    last = model[-1]
    torch.testing.assert_close(seen.hidden @ last.weight.T + last.bias, seen.output)
    assert seen.layer == str(len(model) - 1)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(seen.output, compute_outputs(task, model, items))
    x = task.normalize(task.images_at(items))
    torch.testing.assert_close(seen.output, model.eval()(x).detach())


def test_a_map_entering_the_last_layer_is_flattened():
    task = picture_task()
    model = gv.Sequential(nn.ReLU(), nn.Conv2d(3, 5, (9, 12)), nn.Flatten())
    seen = activations(task, model, torch.arange(4))
    assert seen.hidden.shape == (4, 3 * 9 * 12)


def test_large_pictures_are_held_a_few_at_a_time():
    task = picture_task(8, 3, (600, 600))
    sizes = []
    model = gv.Sequential(gv.Conv2d(3, 1, 9, stride=9), gv.Readout("mean"))
    model.register_forward_hook(lambda m, given, made: sizes.append(len(made)))
    assert compute_outputs(task, model, torch.arange(8)).shape == (8, 1)
    assert sizes == [1] * 8


@pytest.mark.parametrize(("size", "small"), [((9, 12), (9, 12)), ((64, 96), (21, 32))])
def test_pixels_are_means_of_those_of_large_pictures(size, small):
    task = picture_task(20, 3, size)
    values, said = pixel_vectors(task, torch.arange(20))
    assert values.shape == (20, 3 * small[0] * small[1])
    assert said == (
        "324 pixel values" if size == small else "2,016 pixel values at 21 × 32 pixels"
    )
    mean = task.images_at(torch.arange(20)).float().mean((1, 2, 3)) / 255
    torch.testing.assert_close(values.mean(1), mean, rtol=0.02, atol=0)
