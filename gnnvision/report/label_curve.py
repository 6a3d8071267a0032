"""Test error by number of training labels, for several training methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gnnvision.data import MoleculeTask
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, drawing, legend_below
from gnnvision.training import Recipe
from gnnvision.training.folder import write_csv, write_json
from gnnvision.training.measures import UNDEFINED, format_number, mean, spread
from gnnvision.transfer import mean_predictor_rmse

__all__ = ["Scores", "draw_label_curve", "label_section", "label_table", "low_data_page"]

Scores = dict[str, dict[int, list[float]]]  # method -> labels -> one value per seed
_MARKS = "osD^vP"


def low_data_page(
    figures: Path,
    task: MoleculeTask,
    backbone: str,
    scores: Scores,
    recipes: Mapping[str, Recipe],
    pretraining: Recipe | Path,
) -> tuple[str, str, list[Section]]:
    """Title, text and sections of the page of a low-data transfer; the scores are also saved.

    Args:
        figures: the folder of the figures, in that of the run.
        task: the molecules with few labels.
        backbone: the name of the pretrained network.
        scores: as for `label_section`.
        recipes: method -> how it trained.
        pretraining: the recipe of the pretraining, or the run that it was.
    """
    write_json(figures.parent / "result.json", {"dataset": task.name, "test_rmse": scores})
    unit = task.card.facts.get("unit", "")
    seeds = len(next(iter(next(iter(scores.values())).values())))
    rates = ", ".join(f"{method} {recipe.lr:g}" for method, recipe in recipes.items())
    before = f"that of the run {pretraining}" if isinstance(pretraining, Path) else pretraining
    note = (
        f"{seeds} seeds; each draws its own test split and its own training molecules. The last "
        "epoch is kept, and no validation split is held out of the few labels. Recipe with few "
        f"labels: {next(iter(recipes.values()))}; learning rates: {rates}. Recipe of the "
        f"pretraining: {before}."
    )
    metric = f"RMSE in {unit}" if unit else "RMSE"
    constant = mean_predictor_rmse(task)
    section = label_section(figures / "labels.svg", scores, metric, constant, note)
    about = f"{backbone}, fine-tuned on {task.card.title} with few labels."
    return "Low-data transfer", about, [section]


def label_section(
    path: Path, scores: Scores, metric: str, most: float | None = None, note: str = ""
) -> Section:
    """The section with the curve, its table and the best method for each number of labels.

    Args:
        path: of the figure, as in `draw_label_curve`.
        scores: method -> number of labels -> error of each seed; the first method is the
            reference.
        metric: name of the error, which should be low.
        most: the error of predicting the mean.
        note: in small print.
    """
    reference = next(iter(scores))
    best_methods = []
    for count in sorted(scores[reference]):
        means = {method: mean(by[count]) for method, by in scores.items() if count in by}
        known = [method for method in means if not math.isnan(means[method])]
        if not known:
            best_methods.append(f"with {count} labels {UNDEFINED}")
            continue
        best = min(known, key=lambda method: means[method])
        other = (
            "" if best == reference else f"; “{reference}” {format_number(means[reference], 2)}"
        )
        best_methods.append(f"with {count} labels “{best}” ({means[best]:.2f}{other})")
    lead = f"Lowest test error: {', '.join(best_methods)}."
    path.parent.mkdir(exist_ok=True)
    figure = draw_label_curve(path, scores, metric, most)
    title = "Test error by number of training labels"
    return Section(title, lead, [figure], [label_table(scores)], note)


def draw_label_curve(path: Path, scores: Scores, metric: str, most: float | None = None) -> Figure:
    """Draw mean and standard deviation over the seeds by number of training labels.

    Args:
        path: of the SVG or PNG; a CSV with the values of all seeds is written next to it.
        scores: method -> number of labels -> value of each seed.
        metric: name of the values, with their unit.
        most: the error of predicting the mean, drawn as a line.
    """
    labels = sorted({count for by_count in scores.values() for count in by_count})
    shift = 0.03
    with drawing(path, 4.0) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for number, (method, by_count) in enumerate(scores.items()):
            # Shifted, so that error bars do not overlap.
            shifted = 1 + shift * (number - (len(scores) - 1) / 2)
            counts = sorted(by_count)
            means = [mean(by_count[count]) for count in counts]
            stds = [spread(by_count[count])["std"] or 0.0 for count in counts]  # no bar for None
            axes.errorbar(
                [count * shifted for count in counts],
                means,
                yerr=stds,
                fmt=f"{_MARKS[number % len(_MARKS)]}-",
                color=CLASS_COLORS[number % len(CLASS_COLORS)],
                capsize=3,
                ms=6,
                label=method,
            )
        if most is not None:
            axes.axhline(most, color=MUTED, ls=":", lw=1.4, label="predicting the mean")
        axes.set_xticks(labels, [f"{count:,}" for count in labels])
        axes.minorticks_off()
        axes.margins(x=0.12)
        axes.set_ylim(bottom=0)
        axes.set(xlabel="Training molecules", ylabel=f"Test {metric}")
        several = any(len(v) > 1 for by_count in scores.values() for v in by_count.values())
        title = "Mean ± standard deviation over seeds" if several else "One seed"
        axes.set_title(title, color=INK)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"method": method, "labels": count, "number": number, "value": value}
            for method, by_count in scores.items()
            for count, values in sorted(by_count.items())
            for number, value in enumerate(values)
        ],
    )
    means_text = "; ".join(
        f"{method} "
        + ", ".join(f"{c}: {format_number(mean(v), 2)}" for c, v in sorted(by.items()))
        for method, by in scores.items()
    )
    return Figure(path, f"Test {metric} by number of training labels. {means_text}.")


def label_table(scores: Scores) -> Table:
    """Mean and standard deviation: one row per method, one column per number of labels."""
    labels = sorted({count for by_count in scores.values() for count in by_count})
    rows = [
        (method, *(_cell(by_count.get(count, ())) for count in labels))
        for method, by_count in scores.items()
    ]
    return Table(("Method", *(f"{count:,} labels" for count in labels)), rows)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "none"
    std = spread(values)["std"]
    return format_number(mean(values), 3) + ("" if std is None else f" ± {std:.3f}")
