"""The picture of how an error falls with the number of labels, for several ways to train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, drawing, legend_below
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import UNDEFINED, format_number, mean, spread

__all__ = ["Scores", "draw_label_curve", "label_section", "label_table"]

Scores = dict[str, dict[int, list[float]]]  # way -> labels -> a value for each seed
_MARKS = "osD^vP"


def label_section(
    path: Path, scores: Scores, metric: str, most: float | None = None, note: str = ""
) -> Section:
    """The curve, its table, and which way has the lowest error for each number of labels.

    Args:
        path: as of `draw_label_curve`, like `metric` and `most`.
        scores: the first way is the one the others are compared with.
        metric: an error: the lower, the better.
        most: of a constant answer.
        note: in small print.
    """
    plain = next(iter(scores))
    said = []
    for count in sorted(scores[plain]):
        means = {way: mean(by[count]) for way, by in scores.items() if count in by}
        known = [way for way in means if not math.isnan(means[way])]
        if not known:
            said.append(f"with {count} labels {UNDEFINED}")
            continue
        best = min(known, key=lambda way: means[way])
        beside = "" if best == plain else f"; {plain} {format_number(means[plain], 2)}"
        said.append(f"with {count} labels {best} ({means[best]:.2f}{beside})")
    lead = f"The way with the lowest test error is, {', '.join(said)}."
    path.parent.mkdir(exist_ok=True)
    picture = draw_label_curve(path, scores, metric, most)
    title = "Error against the number of labels"
    return Section(title, lead, [picture], [label_table(scores)], note)


def draw_label_curve(path: Path, scores: Scores, metric: str, most: float | None = None) -> Figure:
    """Mean and standard deviation over the seeds against the number of labels.

    Args:
        path: the PNG; the values of all seeds go beside it, as CSV.
        scores: way -> number of labels -> the value of each seed.
        metric: what the values are, with their unit.
        most: what a constant answer gets, as a line to compare with.
    """
    labels = sorted({count for by_count in scores.values() for count in by_count})
    shift = 0.03
    with drawing(path, 4.0) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for number, (way, by_count) in enumerate(scores.items()):
            # Side by side, so that the bars can be told apart.
            aside = 1 + shift * (number - (len(scores) - 1) / 2)
            counts = sorted(by_count)
            means = [mean(by_count[count]) for count in counts]
            stds = [spread(by_count[count])["std"] or 0.0 for count in counts]  # no bar for None
            axes.errorbar(
                [count * aside for count in counts],
                means,
                yerr=stds,
                fmt=f"{_MARKS[number % len(_MARKS)]}-",
                color=CLASS_COLORS[number % len(CLASS_COLORS)],
                capsize=3,
                ms=6,
                label=way,
            )
        if most is not None:
            axes.axhline(most, color=MUTED, ls=":", lw=1.4, label="always the mean")
        axes.set_xticks(labels, [f"{count:,}" for count in labels])
        axes.minorticks_off()
        axes.margins(x=0.12)
        axes.set_ylim(bottom=0)
        axes.set(xlabel="molecules to train on", ylabel=f"test {metric}")
        several = any(len(v) > 1 for by_count in scores.values() for v in by_count.values())
        title = "Mean ± standard deviation over the seeds" if several else "One seed"
        axes.set_title(title, color=INK)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"way": way, "labels": count, "number": number, "value": value}
            for way, by_count in scores.items()
            for count, values in sorted(by_count.items())
            for number, value in enumerate(values)
        ],
    )
    said = "; ".join(
        f"{way} " + ", ".join(f"{c}: {format_number(mean(v), 2)}" for c, v in sorted(by.items()))
        for way, by in scores.items()
    )
    return Figure(path, f"Test {metric} by number of labels. {said}.")


def label_table(scores: Scores) -> Table:
    """The same as a table: a row for each way, a column for each number of labels."""
    labels = sorted({count for by_count in scores.values() for count in by_count})
    rows = [
        (way, *(_cell(by_count.get(count, ())) for count in labels))
        for way, by_count in scores.items()
    ]
    return Table(("Way", *(f"{count:,} labels" for count in labels)), rows)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "none"
    std = spread(values)["std"]
    return format_number(mean(values), 3) + ("" if std is None else f" ± {std:.3f}")
