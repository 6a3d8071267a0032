from dataclasses import replace

import pytest

import gnnvision as gv
from gnnvision.data.card import PaperFigure
from gnnvision.report.parts import Run
from gnnvision.report.published import find_paper, published

FIGURES = (
    PaperFigure("Fashion-DNN", "public", "accuracy", 0.30, "notes"),
    PaperFigure("resnet18", "public", "accuracy", 0.99, "a paper"),
    PaperFigure("human", "public", "loss", 0.1, "elsewhere"),
)


@pytest.fixture
def with_figures(pictures_run):
    return replace(
        pictures_run,
        task=replace(pictures_run.task, card=replace(pictures_run.task.card, paper=FIGURES)),
    )


def test_all_figures_of_the_metric_with_this_run_in_its_place(with_figures, tmp_path):
    section = published(Run(with_figures, tmp_path))
    (table,) = section.tables
    assert [row[0] for row in table.rows] == ["resnet18", "this run: mnist_cnn", "Fashion-DNN"]
    assert table.rows[0] == ("resnet18", "public", "a paper", "99.0 %")


def test_one_figure_has_no_section_of_its_own(pictures_run, tmp_path):
    assert published(Run(pictures_run, tmp_path)) is None


def test_the_figure_of_the_same_network_however_it_is_written(with_figures):
    assert find_paper(with_figures) == (FIGURES[1], False)
    same = replace(with_figures, model=gv.models.fashion_dnn(3, 3, (9, 12)))
    assert find_paper(same) == (FIGURES[0], True)
