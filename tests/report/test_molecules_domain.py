import numpy as np
import pytest
from scipy.stats import spearmanr

from gnnvision.report.molecules_domain import (
    applicability_domain,
    nearest_training_molecules,
    trend,
)
from gnnvision.report.parts import Run


def test_the_nearest_of_a_training_molecule_is_itself(molecules_run):
    train = molecules_run.task.split.train.tolist()
    found = nearest_training_molecules(molecules_run.task, train)
    assert found.similarity == pytest.approx(np.ones(len(train)))
    test = molecules_run.task.split.test.tolist()
    assert set(nearest_training_molecules(molecules_run.task, test).rows.tolist()) <= set(train)


def made(slope, count=200, noise=1.0):
    draw = np.random.default_rng(0)
    similarity = draw.uniform(0.2, 1, count).round(2)
    return similarity, 2 + slope * similarity + noise * draw.standard_normal(count)


def test_the_trend_is_spearmans_with_its_spread():
    similarity, error = made(-2.0)
    found = trend(similarity, error)
    value, low, high = found.correlation
    assert value == pytest.approx(spearmanr(similarity, error).statistic)
    assert low < value < high < 0
    assert found.direction == -1
    half = 1.96 * (1 - value**2) / len(error) ** 0.5
    assert (high - low) / 2 == pytest.approx(half, rel=0.25)
    slope, start = np.polyfit(similarity, error, 1)
    assert found.line == pytest.approx(start + slope * found.at)
    assert bool((found.low < found.line).all() and (found.line < found.high).all())
    assert trend(similarity, -error).direction == 1


@pytest.mark.parametrize("count", [12, 200])
def test_without_a_trend_none_is_shown(count):
    """The means of the first and the last bin differ always."""
    assert trend(*made(0.0, count)).direction == 0


def test_two_bins_that_differ_by_one_molecule_are_no_trend():
    """Mean errors of 0.3 and 1.3, but one large error among the dissimilar molecules."""
    similarity = np.array([0.1] * 6 + [0.9] * 6)
    error = np.array([0.3] * 5 + [6.3] + [0.31] * 6)
    assert trend(similarity, error).direction == 0


@pytest.mark.parametrize(
    ("similarity", "error"),
    [(np.linspace(0, 1, 9), np.arange(9.0)), (np.ones(20), np.arange(20.0)),
     (np.linspace(0, 1, 20), np.zeros(20))],
)  # fmt: skip
def test_where_nothing_can_be_fitted(similarity, error):
    assert trend(similarity, error) is None


def test_the_section_says_what_is_shown(molecules_run, tmp_path):
    section = applicability_domain(Run(molecules_run, tmp_path))
    assert section.title == "Applicability domain"
    assert "undefined: 3 test molecules are too few" in section.lead or (
        "Spearman's rank correlation" in section.lead
    )
    assert "predict_molecules.py writes the similarity" in section.note
    assert (tmp_path / "similarity.csv").is_file()


def test_the_advice_follows_the_interval():
    from gnnvision.report.molecules_domain import _describe_trend

    assert "The error falls" in (text := _describe_trend(trend(*made(-2.0)), "molecule", 200))
    assert "Check the similarity" in text
    assert "The error rises" in _describe_trend(trend(*made(2.0)), "molecule", 200)
    assert _describe_trend(trend(*made(0.0)), "molecule", 200).startswith("No significant")
