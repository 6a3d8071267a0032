"""The dot plot of the seeds."""

import re
from dataclasses import replace

from gnnvision.data.card import PaperFigure
from gnnvision.report.parts import Run
from gnnvision.report.seeds import draw_seeds

from .rows import rows_of


def test_each_seed_is_a_dot_with_its_value_in_the_file(karate_run, tmp_path):
    result, _ = karate_run
    figure = draw_seeds(Run(result, tmp_path), None)
    values = [outcome.metrics["test"]["accuracy"] for outcome in result.outcomes]
    assert [float(row["test_accuracy"]) for row in rows_of(figure.path)] == values
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", figure.path.read_text())
    assert {"Test accuracy of 3 seeds", "Test accuracy (%)", "mean ± std"} <= set(texts)
    low, high = (f"{100 * value:.1f} %" for value in (min(values), max(values)))
    assert f"test accuracy of 3 seeds, from {low} to {high}" in figure.alt


def test_a_published_result_is_a_line_and_one_seed_has_no_plot(karate_run, tmp_path):
    result, _ = karate_run
    paper = PaperFigure("GCN", "public", "accuracy", 0.815, "somewhere")
    figure = draw_seeds(Run(result, tmp_path), paper)
    assert "published GCN: 81.5 %" in figure.path.read_text()
    assert draw_seeds(Run(replace(result, outcomes=result.outcomes[:1]), tmp_path), None) is None
