"""Reports on images with several labels or numbers: their sections, the worst errors first."""

import csv

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data.images.overview import values_text
from gnnvision.report.image_values import image_values
from gnnvision.report.parts import Run
from gnnvision.report.samples import class_counts, samples

NAN = float("nan")


def task_of(kind):
    digits = gv.data.load("digits")
    y = digits.y
    if kind == "multilabel":
        labels = torch.stack([y % 2 == 0, y > 4], 1).float()
        names = ["even <b>", "above four"]
    else:
        labels = torch.stack([y.double(), digits.images.double().mean((1, 2, 3))], 1)
        names = ["digit", "ink"]
    labels[::7, 0] = NAN
    augment = gv.data.Augment(shift=0.1)
    return gv.data.from_tensors(digits.images, labels, class_names=names, augment=augment)


def fitted(kind):
    task = task_of(kind)
    layers = (gv.Conv2d(1, 4, 3, padding=1), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 2))
    model = gv.Sequential(*layers, *([gv.layers.Rescale(2)] if kind == "regression" else []))
    return gv.fit(model, task, gv.Recipe(epochs=1, lr=0.01), progress=False)


@pytest.mark.parametrize("kind", ["multilabel", "regression"])
def test_a_whole_report(kind, tmp_path):
    result = fitted(kind)
    result.folder = tmp_path
    page = result.report().read_text(encoding="utf-8")
    for title in ("Training samples", "Augmentation", "Training curves", "Test predictions",
                  "Filters and feature maps of the first layer"):  # fmt: skip
        assert f">{title}</h2>" in page
    assert (">ROC curve and calibration</h2>" in page) == (kind == "multilabel")
    assert (">Predictions and residuals</h2>" in page) == (kind == "regression")
    assert "even <b>" not in page
    assert "1,797 images of 8 × 8 pixels, 1 channel, 2 targets" in page
    assert "mathdefault" not in page
    task, test = result.task, set(result.task.split.test.tolist())
    rows = list(csv.DictReader((tmp_path / "figures/predictions.csv").read_text().splitlines()))
    assert {int(row["item"]) for row in rows} <= test
    off = []
    std = 1 if kind == "multilabel" else task.target_statistics[1]
    for row in rows:
        y = task.y[int(row["item"])]
        true = [float(row[f"true {n}"] or "nan") for n in task.class_names]
        assert true == pytest.approx(y.tolist(), nan_ok=True)
        given = torch.tensor([float(row[f"predicted {n}"]) for n in task.class_names])
        off.append(float(((given - y).abs() / std).nanmean()))
    assert off[:12] == sorted(off[:12], reverse=True)
    assert min(off[:12]) >= max(off[12:])


def test_samples_count_labels_or_show_ranges(tmp_path):
    task = task_of("multilabel")
    train = task.y[torch.from_numpy(task.split.train.copy())]
    assert class_counts(task)["train"].tolist() == (train == 1).sum(0).tolist()
    assert class_counts(task_of("regression")) == {}
    section = samples(Run(fitted("regression"), tmp_path))
    assert section.tables[0].head == ("Split", "Images", "digit", "ink")
    assert section.tables[0].rows[0][2] == "0 to 9"
    assert len(section.figures) == 1


def test_words_for_a_target():
    assert values_text("multilabel", {"a": 0.7, "b": 0.2, "c": 0.51}) == "a, c"
    assert values_text("multilabel", {"a": 0.1}) == "no label"
    assert values_text("multilabel", {"a": NAN}) == "unlabeled"
    assert values_text("regression", {"a": 1234.56}) == "1235"
    assert values_text("regression", {"a": 1.0, "b": NAN, "c": 2.0}) == "a 1, c 2"
    assert values_text("regression", dict.fromkeys("abcd", 1.0)) == "a 1, b 1, c 1, …"
    assert gv.data.load("digits").target_text(3) == "3"


def test_without_test_targets_there_is_no_section(tmp_path):
    result = fitted("regression")
    y = result.task.y.clone()
    y[result.task.split.test.tolist()] = NAN
    object.__setattr__(result.task, "y", y)
    assert image_values(Run(result, tmp_path)) is None
