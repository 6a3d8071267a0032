import math
from dataclasses import replace

import pytest

import gnnvision as gv
from gnnvision.data import Split
from gnnvision.data.card import PaperFigure
from gnnvision.report.headline import headline
from gnnvision.report.parts import Run
from gnnvision.report.published import find_paper, incomparable, published

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
    assert [row[0] for row in table.rows] == ["resnet18", "this run: MNIST CNN", "Fashion-DNN"]
    assert table.rows[0] == ("resnet18", "public", "a paper", "99.0 %")


def test_one_figure_has_no_section_of_its_own(pictures_run, tmp_path):
    assert published(Run(pictures_run, tmp_path)) is None


def test_the_figure_of_the_same_network_however_it_is_written(with_figures):
    assert find_paper(with_figures) == (FIGURES[1], False)
    same = replace(with_figures, model=gv.models.fashion_dnn(3, 3, (9, 12)))
    assert find_paper(same) == (FIGURES[0], True)


class TestLikeWithLike:
    """Only figures of one split and protocol are compared."""

    PAPER = PaperFigure("GIN", "kfold", "accuracy", 0.9, "a paper", folds=3)

    def run_of(self, result, folds, split="kfold"):
        """A run that tested so many folds of 40 items each."""
        name = Split(split, *(getattr(result.task.split, p) for p in ("train", "val", "test")))
        task = replace(result.task, split=name)
        outcomes = [
            replace(result.best, seed=seed, split_hash=str(seed % 3)) for seed in range(folds)
        ]
        return replace(result, task=task, outcomes=outcomes)

    @pytest.mark.parametrize(
        ("folds", "why"),
        [
            (1, "it is the mean over 3 folds, and this run tested 1 fold with 40 of 120 items"),
            (2, "it is the mean over 3 folds, and this run tested 2 folds with 80 of 120 items"),
            (3, ""),
            (6, ""),  # every fold twice
        ],
    )
    def test_all_folds(self, pictures_run, folds, why):
        assert incomparable(self.run_of(pictures_run, folds), self.PAPER).startswith(why)
        assert bool(incomparable(self.run_of(pictures_run, folds), self.PAPER)) == bool(why)

    def test_other_folds_than_the_published_ones(self, pictures_run):
        paper = replace(self.PAPER, folds=10)
        assert "over 10 folds" in incomparable(self.run_of(pictures_run, 3), paper)

    def test_a_split_a_metric_and_a_protocol_of_their_own(self, pictures_run):
        run = self.run_of(pictures_run, 3)
        assert "another split, “public”" in incomparable(run, replace(self.PAPER, split="public"))
        assert "another metric, ROC AUC" in incomparable(run, replace(self.PAPER, metric="rocauc"))
        chosen = replace(self.PAPER, incomparable="its epoch was chosen on the test folds")
        assert incomparable(run, chosen) == "its epoch was chosen on the test folds"

    def test_one_draw_of_a_random_split(self, pictures_run):
        paper = PaperFigure("GIN", "random", "accuracy", 0.9, "a paper")
        assert "this run used one" in incomparable(self.run_of(pictures_run, 1, "random"), paper)
        assert not incomparable(self.run_of(pictures_run, 2, "random"), paper)

    def test_what_is_undefined_or_a_mean_over_some_targets(self, pictures_run):
        run = self.run_of(pictures_run, 3)
        best = run.outcomes[0]
        metrics = best.metrics | {"test": best.metrics["test"] | {"accuracy": math.nan}}
        lost = replace(run, outcomes=[replace(best, metrics=metrics), *run.outcomes[1:]])
        assert (
            incomparable(lost, self.PAPER)
            == "the result of this run is undefined for 1 of 3 seeds"
        )
        partly = replace(best, remarks={"test": {"accuracy": "the mean over 3 of 5 targets"}})
        run = replace(run, outcomes=[partly, *run.outcomes[1:]])
        assert (
            incomparable(run, self.PAPER)
            == "the result of this run is the mean over 3 of 5 targets"
        )

    def test_the_page_says_so_and_does_not_compare(self, pictures_run, tmp_path):
        run = self.run_of(pictures_run, 1)
        card = replace(run.task.card, paper=(self.PAPER, replace(self.PAPER, model="other")))
        run = replace(run, task=replace(run.task, card=card))
        top = headline(Run(run, tmp_path))
        assert top.compared.startswith("Not comparable with the published 90.0 %: it is the mean")
        assert top.source.startswith("published for GIN, not comparable with this run")
        (table,) = published(Run(run, tmp_path)).tables
        assert sum("not comparable: it is the mean" in row[2] for row in table.rows) == 2

    @pytest.mark.parametrize("name", ["mutag", "proteins"])
    def test_cross_validated_figures_name_their_folds(self, name):
        assert all(paper.folds == 10 for paper in gv.data.describe(name).paper)
