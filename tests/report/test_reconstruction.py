import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report import write_report
from gnnvision.report.parts import Run
from gnnvision.report.reconstruction import code_layer, reconstruction

from .conftest import picture_task, trained
from .rows import rows_of


@pytest.fixture(scope="module")
def coder_run(tmp_path_factory):
    task = picture_task().reconstruction()
    model = gv.models.autoencoder(3, (9, 12), latent_channels=4)
    folder = tmp_path_factory.mktemp("coder")
    return trained(task, folder, 1, 2, model, lr=1e-3, batch_size=32)


def test_errors_are_those_of_the_pixels(coder_run, tmp_path):
    section = reconstruction(Run(coder_run, tmp_path))
    task = coder_run.task.source
    for row in rows_of(tmp_path / "reconstructions.png"):
        image = task.images_at([int(row["item"])])
        with torch.no_grad():
            made = coder_run.model.eval()(task.normalize(image))
        rmse = (made - image.float() / 255).square().mean().sqrt()
        assert float(row["rmse"]) == pytest.approx(float(rmse), rel=1e-4)
    assert "has 4 values: the output of layer encoder.7" in section.lead


def test_codes_are_spread_by_their_main_directions(coder_run, tmp_path):
    reconstruction(Run(coder_run, tmp_path))
    rows = rows_of(tmp_path / "codes.svg")
    task = coder_run.task.source
    items = torch.tensor([int(row["item"]) for row in rows])
    assert sorted(items.tolist()) == task.split.test.tolist()
    with torch.no_grad():
        codes = coder_run.model.eval().encoder(task.normalize(task.images_at(items)))
    centered = codes - codes.mean(0)
    first = torch.tensor([float(row["x"]) for row in rows])
    assert float(first.var()) == pytest.approx(
        float(torch.linalg.svdvals(centered)[0] ** 2 / (len(rows) - 1)), rel=1e-3
    )


def test_the_code_is_the_narrowest_vector():
    task = picture_task()
    model = gv.models.autoencoder(3, (9, 12), latent_channels=5)
    name, module, size = code_layer(model, task)
    assert (name, size) == ("encoder.7", 5)
    assert module is model.encoder[7]
    assert code_layer(gv.Sequential(nn.Conv2d(3, 3, 1)), task) is None


def test_the_page_of_an_autoencoder(coder_run):
    page = write_report(coder_run).read_text(encoding="utf-8")
    assert "test RMSE of pixel values from 0 to 1" in page
    assert "Reconstructions" in page
    assert "task = task.reconstruction()" in page
    assert "gv.models.build(&#39;autoencoder&#39;" in page
    for absent in ("Confusion matrix", "Most confident errors", "Embedding"):
        assert absent not in page
