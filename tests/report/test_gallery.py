"""The gallery: which images it shows, and that correct and wrong differ without color, too."""

import csv

import gnnvision as gv
from gnnvision.report.gallery import gallery
from gnnvision.report.parts import Run


def run_on_digits(tmp_path, epochs):
    task = gv.data.load("digits")
    model = gv.models.fashion_dnn(1, 10, 8)
    recipe = gv.Recipe(epochs=epochs, lr=1e-3)
    result = gv.fit(model, task, recipe, progress=False)
    return Run(result, tmp_path), result


def test_errors_come_first_and_every_mark_is_true(tmp_path):
    run, result = run_on_digits(tmp_path, 3)
    section = gallery(run)
    rows = list(csv.DictReader((tmp_path / "gallery.csv").read_text().splitlines()))
    assert len(rows) == 24
    marks = [int(row["right"]) for row in rows]
    assert marks == sorted(marks)
    place = {int(item): n for n, item in enumerate(result.task.split.test)}
    names = result.task.class_names
    for row, mark in zip(rows, marks, strict=True):
        n = place[int(row["item"])]
        assert row["predicted_class"] == names[int(result.best.prediction[n])]
        assert row["true_class"] == names[int(result.best.target[n])]
        assert mark == (row["predicted_class"] == row["true_class"])
    wrong = int((result.best.prediction != result.best.target).sum())
    count = len(place)
    expected = f"{count - wrong:,} of {count:,} test images are classified correctly, {wrong:,} "
    assert expected in section.lead
    assert "✗" in section.lead
    assert "✓" in section.lead
    assert (tmp_path / "gallery.svg").stat().st_size > 10_000


def test_without_an_error_none_is_announced(tmp_path):
    run, result = run_on_digits(tmp_path, 1)
    result.best.prediction = result.best.target.clone()
    section = gallery(run)
    assert "✗" not in section.lead
    assert "all are correct" in section.figures[0].alt
