from dataclasses import replace

import gnnvision as gv
from gnnvision.report.augmentation import augmentation
from gnnvision.report.parts import Run

from .rows import rows_of


def test_one_original_and_eight_samples(pictures_run, tmp_path):
    section = augmentation(Run(pictures_run, tmp_path))
    assert "crop 1 (reflect)" in section.lead
    assert "never augmented" in section.note
    rows = rows_of(tmp_path / "augmentation.png")
    assert [row["tile"] for row in rows] == ["original", *(f"sample {n}" for n in range(1, 9))]
    assert int(rows[0]["item"]) in pictures_run.task.split.train
    assert len({row["mean_pixel"] for row in rows}) > 1


def test_another_size_than_that_of_the_files(pictures_run, tmp_path):
    augment = gv.data.Augment(resized_crop=(0.3, 1.0), size=(7, 7))
    result = replace(pictures_run, task=pictures_run.task.with_augment(augment))
    assert augmentation(Run(result, tmp_path)).figures[0].path.is_file()


def test_images_that_stay_as_they_are_have_no_sheet(pictures_run, tmp_path):
    result = replace(pictures_run, task=pictures_run.task.with_augment(None))
    assert augmentation(Run(result, tmp_path)) is None
