import numpy as np
import torch

from gnnvision.report.parts import Run
from gnnvision.report.samples import class_counts, samples

from .conftest import picture_task, trained
from .rows import rows_of


def test_counts_are_those_of_the_splits():
    task = picture_task()
    counts = class_counts(task)
    for split in ("train", "val", "test"):
        y = task.y[torch.from_numpy(np.array(getattr(task.split, split)))]
        assert counts[split].tolist() == [int((y == n).sum()) for n in range(3)]
    assert not len(class_counts(picture_task(val=False))["val"])


def test_the_sheet_shows_training_images_with_their_labels(pictures_run, tmp_path):
    section = samples(Run(pictures_run, tmp_path))
    task, rows = pictures_run.task, rows_of(tmp_path / "samples.png")
    assert len(rows) == 20
    for row in rows:
        item = int(row["item"])
        assert item in task.split.train
        assert row["class"] == task.class_names[int(task.y[item])]
        assert row["file"] == f"folder/{item}.png"
    (table,) = section.tables
    assert [row[:2] for row in table.rows] == [
        ("training", "60"), ("validation", "20"), ("test", "40")
    ]  # fmt: skip
    assert "9 × 12 pixels and 3 channels" in section.lead
    held = rows_of(tmp_path / "classes.svg")
    assert sum(int(row["train"]) for row in held) == 60


def test_a_missing_validation_split_is_mentioned(pictures_run, tmp_path):
    run = Run(pictures_run, tmp_path)
    run.result = type(run.result)(**{**vars(run.result), "task": picture_task(val=False)})
    section = samples(run)
    assert "There is no validation split" in section.note
    assert [row[0] for row in section.tables[0].rows] == ["training", "test"]


def test_many_classes_have_a_table_only(tmp_path):
    task = picture_task(320, classes=40, size=(6, 80), channels=1)
    from gnnvision import models

    result = trained(task, None, 1, 1, models.fashion_dnn(1, 40, (6, 80)), lr=1e-3)
    section = samples(Run(result, tmp_path))
    assert len(section.figures) == 1
    assert not (tmp_path / "classes.svg").exists()
