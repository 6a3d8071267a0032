"""A dot plot of the test metric of each seed."""

from __future__ import annotations

from gnnvision.data.card import PaperFigure
from gnnvision.report.parts import Figure, Run
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, NARROW, VAL_COLOR, drawing
from gnnvision.report.words import amount, metric_label, metric_name, plural, scale
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import defined, spread

__all__ = ["draw_seeds"]


def draw_seeds(run: Run, paper: PaperFigure | None) -> Figure | None:
    """One point for each seed, equal ones stacked; None if fewer than two have a value."""
    result, path = run.result, run.figures / "seeds.svg"
    metric = result.metric
    factor, held = scale(metric), result.values("test", metric)
    values = defined(held)
    summary = spread(values)
    if summary["std"] is None:
        return None
    shown_values = [factor * value for value in values]
    mean, std = factor * summary["mean"], factor * summary["std"]
    ends = [*shown_values, mean - std, mean + std]
    ends += [] if paper is None else [factor * paper.value]
    low, high = min(ends), max(ends)
    width = max((high - low) / 45, 1e-9)
    height: dict[int, int] = {}
    stacked = []
    for value in shown_values:
        column = round((value - low) / width)
        height[column] = height.get(column, 0) + 1
        stacked.append(height[column])
    top = max(stacked)
    with drawing(path, 2.1 + 0.06 * top, NARROW) as figure:
        axes = figure.add_subplot()
        size = 46 if top < 6 else 22
        axes.scatter(shown_values, stacked, s=size, color=VAL_COLOR, alpha=0.75, lw=0)
        axes.errorbar(
            mean, 0, xerr=std, fmt="D", color=INK, ms=6, capsize=4, lw=1.6, label="mean ± std"
        )
        if paper is not None:
            label = f"published {paper.model}: {amount(metric, paper.value)}"
            axes.axvline(factor * paper.value, color=CLASS_COLORS[5], ls="--", lw=1.5, label=label)
        axes.set_ylim(-0.9, top + 0.9)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=6)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.06)
        axes.set_xlabel(f"Test {metric_label(metric, run.unit)}", color=INK)
        missing = f"; undefined for {len(held) - len(values)}"
        title = f"Test {metric_name(metric)} of {len(values)} seeds"
        axes.set_title(title + (missing if len(values) < len(held) else ""), color=INK)
        axes.tick_params(axis="x", color=MUTED)
        figure.legend(loc="outside lower center", ncols=2)
    rows = [
        {"seed": outcome.seed, f"test_{metric}": value}
        for outcome, value in zip(result.outcomes, held, strict=True)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = (
        f"Dot plot of the test {metric_name(metric)} of {plural(len(values), 'seed')}, from "
        f"{amount(metric, min(values))} to {amount(metric, max(values))}."
    )
    return Figure(path, alt)
