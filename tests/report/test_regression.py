import numpy as np
import pytest

from gnnvision.report.parts import Run
from gnnvision.report.regression import Fit, points, regression

from .rows import rows_of


def test_figures_of_a_fit():
    fit = Fit("y", np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]), np.zeros(3, int))
    assert fit.rmse == pytest.approx((2 / 3) ** 0.5)
    assert fit.mae == pytest.approx(2 / 3)
    assert fit.r2 == pytest.approx(1 - 2 / 8)


def test_points_are_those_of_every_seed(molecules_run, tmp_path):
    (fit,) = points(molecules_run)
    sizes = [len(outcome.target) for outcome in molecules_run.outcomes]
    assert len(fit.measured) == sum(sizes)
    section = regression(Run(molecules_run, tmp_path))
    rows = rows_of(tmp_path / "predicted.svg")
    for outcome in molecules_run.outcomes:
        here = [r for r in rows if int(r["seed"]) == outcome.seed]
        off = [float(r["predicted"]) - float(r["measured"]) for r in here]
        rmse = float(np.sqrt(np.mean(np.square(off))))
        assert rmse == pytest.approx(outcome.metrics["test"]["rmse"], rel=1e-5)
    counts = [int(row["count"]) for row in rows_of(tmp_path / "errors.svg")]
    assert sum(counts) == len(rows)
    assert f"{fit.rmse:.3f}" in section.tables[0].rows[0]
    assert f"{100 * (np.abs(fit.predicted - fit.measured) <= fit.rmse).mean():.0f} % lie" in (
        section.lead
    )
