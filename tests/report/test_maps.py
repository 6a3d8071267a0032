from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.maps import maps
from gnnvision.report.parts import Run

from .conftest import picture_task
from .rows import rows_of


def section_of(result, model, tmp_path, task=None):
    return maps(Run(replace(result, model=model, task=task or result.task), tmp_path))


def test_filters_and_maps_are_those_of_the_first_convolution(pictures_run, tmp_path):
    section = maps(Run(pictures_run, tmp_path))
    conv = pictures_run.model[0]
    rows = rows_of(tmp_path / "filters.png")
    weights = [[float(row[key]) for key in row if key != "filter"] for row in rows]
    torch.testing.assert_close(torch.tensor(weights), conv.weight.detach().flatten(1))
    number = int(section.figures[1].caption.split()[2])  # "Test image 71 (..."
    task = pictures_run.task
    assert number in task.split.test
    with torch.no_grad():
        found = conv(task.normalize(task.images_at([number])))[0]
    rows = rows_of(tmp_path / "feature_maps.png")
    assert [float(row["max"]) for row in rows] == pytest.approx(found.amax((1, 2))[:31].tolist())
    assert "layer 0, has 32 filters" in section.lead
    assert "the first 31 of its 32" in section.figures[1].caption


def test_a_dense_network_shows_its_weights_as_images(pictures_run, tmp_path):
    model = gv.models.fashion_dnn(3, 3, (9, 12))
    section = section_of(pictures_run, model, tmp_path)
    assert section.title == "Weights of the first layer"
    assert "fully connected" in section.lead
    assert len(section.figures) == 1
    rows = rows_of(tmp_path / "filters.png")
    assert len(rows) == 32
    assert float(rows[1]["w2_8_11"]) == pytest.approx(float(model[1].weight[1, -1].detach()))


def test_filters_of_one_pixel_are_left_out(pictures_run, tmp_path):
    model = gv.Sequential(gv.Conv2d(3, 40, 1), gv.Readout("mean"), nn.Linear(40, 3))
    section = section_of(pictures_run, model, tmp_path)
    assert [picture.path.stem for picture in section.figures] == ["feature_maps"]


def test_a_smaller_map_is_next_to_a_smaller_image(pictures_run, tmp_path):
    model = gv.models.strided_cnn(1, 3, (16, 16))
    task = picture_task(channels=1, size=(16, 16))
    section = section_of(pictures_run, model, tmp_path, task)
    assert "7 × 7 pixels each" in section.figures[1].caption


def test_networks_whose_first_layer_reads_no_pixels(pictures_run, tmp_path):
    model = gv.Sequential(gv.Readout("mean"), nn.Linear(3, 3))
    assert section_of(pictures_run, model, tmp_path) is None
