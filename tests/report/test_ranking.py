import numpy as np
import pytest

from gnnvision.report.parts import Run
from gnnvision.report.ranking import calibration, ranking, roc_curves

from .rows import rows_of


def test_calibration_by_hand():
    truth = np.array([0.0, 1.0, 1.0, 1.0])
    error, bins = calibration(truth, np.array([0.12, 0.14, 0.95, 1.0]))
    assert [b["count"] for b in bins] == [2, 2]
    assert bins[0]["observed"] == 0.5
    assert error == pytest.approx(0.5 * abs(0.5 - 0.13) + 0.5 * abs(1 - 0.975))


def test_perfectly_calibrated_answers_have_no_error():
    generator = np.random.default_rng(0)
    chance = generator.random(200_000)
    truth = (generator.random(200_000) < chance).astype(float)
    assert calibration(truth, chance)[0] < 0.01
    assert calibration(truth, chance**4)[0] > 0.1


def test_areas_are_those_of_the_score(answers_run, tmp_path):
    targets = roc_curves(answers_run)
    assert targets
    section = ranking(Run(answers_run, tmp_path))
    areas = {row[0]: row[1] for row in section.tables[0].rows}
    assert areas == {t.name: f"{100 * t.area:.1f} %" for t in targets}
    for target in targets:
        grid = np.linspace(0, 1, 201)
        assert np.trapezoid(target.curve, grid) == pytest.approx(target.area, abs=0.01)
        assert target.curve[-1] == 1
    rows = rows_of(tmp_path / "calibration.svg")
    assert sum(int(row["count"]) for row in rows) == sum(len(t.truth) for t in targets)
