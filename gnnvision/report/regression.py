"""Predictions against measurements, and residuals, of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.style import (
    BACKGROUND,
    CLASS_COLORS,
    INK,
    MUTED,
    NARROW,
    drawing,
    legend_below,
    wrapped,
)
from gnnvision.report.words import plural
from gnnvision.training import Result
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import format_number, r2, r2_undefined

__all__ = ["Fit", "points", "regression"]

_MOST_DRAWN = 4


@dataclass(frozen=True)
class Fit:
    """The test predictions of one target.

    Args:
        name: of the target.
        measured: the true values. Shape (n,).
        predicted: by the kept models. Shape (n,).
        seed: of the model that predicted. Shape (n,).
    """

    name: str
    measured: NDArray[np.float64]
    predicted: NDArray[np.float64]
    seed: NDArray[np.int64]

    @property
    def rmse(self) -> float:
        """The root mean squared error."""
        return float(np.sqrt(((self.predicted - self.measured) ** 2).mean()))

    @property
    def mae(self) -> float:
        """The mean absolute error."""
        return float(np.abs(self.predicted - self.measured).mean())

    @property
    def r2(self) -> float:
        """The coefficient of determination; NaN where it is undefined."""
        return r2(self.measured, self.predicted)


def points(result: Result) -> list[Fit]:
    """The test predictions of each target over all seeds; none if they are not a table."""
    if result.best.target.ndim != 2:
        return []
    width = result.best.target.shape[1]
    names = result.task.class_names
    if len(names) != width:
        names = tuple(f"output {number}" for number in range(width))
    truth = np.concatenate([o.target.cpu().double().numpy() for o in result.outcomes])
    predicted = np.concatenate([o.prediction.cpu().double().numpy() for o in result.outcomes])
    seed = np.concatenate([np.full(len(o.target), o.seed) for o in result.outcomes])
    out = []
    for number, name in enumerate(names):
        here = ~np.isnan(truth[:, number])
        if here.any():
            out.append(Fit(name, truth[here, number], predicted[here, number], seed[here]))
    return out


def regression(run: Run) -> Section | None:
    """The section of predictions and residuals; None if no target is known."""
    fits = points(run.result)
    if not fits:
        return None
    unit = run.unit
    seeds = len(run.result.outcomes)
    figures: list[Figure] = []
    for number, fit in enumerate(fits[:_MOST_DRAWN]):
        mark = f"_{number + 1}" if len(fits) > 1 else ""
        figures += run.draw(
            partial(_scatter, run, fit, unit, mark), partial(_histogram, run, fit, unit, mark)
        )
    rows = [
        (f.name, f"{f.rmse:.3f}", f"{f.mae:.3f}", format_number(f.r2, 3), f"{len(f.measured):,}")
        for f in fits
    ]
    first = fits[0]
    lead = f"Each point is a test {run.item}; on the line, prediction and measurement agree."
    if seeds > 1:
        lead = f"Each point is a test {run.item} in one of {seeds} seeds; on the line, both agree."
    if len(fits) == 1:
        within = float((np.abs(first.predicted - first.measured) <= first.rmse).mean())
        lead += (
            f" {100 * within:.0f} % lie within one RMSE ({first.rmse:.2f}{_after(unit)}) of it. "
        )
        lead += (
            f"R² is undefined: {why}."
            if (why := r2_undefined(first.measured))
            else f"R² is {first.r2:.2f}: the share of the variance that the model explains."
        )
    note = "RMSE (root mean squared error) and MAE (mean absolute error) have the target's unit."
    if seeds > 1:
        note += (
            " Here they are computed over the points of all seeds together; at the top of the "
            "report they are means over the seeds."
        )
    if len(fits) > _MOST_DRAWN:
        note += f" The figures show the first {_MOST_DRAWN} of {len(fits)} targets."
    table = Table(("Target", "RMSE", "MAE", "R²", "Count"), rows)
    return Section("Predictions and residuals", lead, figures, [table], note, wide=True)


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""


def _label(word: str, unit: str) -> str:
    return f"{word} ({unit})" if unit else word


def _scatter(run: Run, fit: Fit, unit: str, mark: str) -> Figure:
    path = run.figures / f"predicted{mark}.svg"
    both = np.concatenate([fit.measured, fit.predicted])
    low, high = float(both.min()), float(both.max())
    room = 0.04 * (high - low) or 1.0
    ends = np.array([low - room, high + room])
    with drawing(path, 4.6, NARROW) as figure:
        axes = figure.add_subplot()
        band = f"± RMSE ({fit.rmse:.3g}{_after(unit)})"
        axes.fill_between(
            ends, ends - fit.rmse, ends + fit.rmse, color=MUTED, alpha=0.16, lw=0, label=band
        )
        axes.plot(ends, ends, color=INK, lw=1.1, label="predicted = measured")
        for number, seed in enumerate(np.unique(fit.seed).tolist()):
            here = fit.seed == seed
            color = CLASS_COLORS[number % 6]
            label = f"seed {seed}" if number < 6 and len(run.result.outcomes) > 1 else None
            size = float(np.clip(3000 / len(fit.seed), 5, 22))
            axes.scatter(
                fit.measured[here], fit.predicted[here], s=size, color=color, alpha=0.6, lw=0,
                label=label,
            )  # fmt: skip
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        axes.set(xlabel=_label("Measured", unit), ylabel=_label("Predicted", unit))
        axes.set_title(wrapped(fit.name, 52))
        legend_below(figure, axes.get_legend_handles_labels()[0])
    columns = (fit.seed, fit.measured, fit.predicted)
    write_csv(
        path.with_suffix(".csv"),
        [
            {"seed": seed, "measured": measured, "predicted": predicted}
            for seed, measured, predicted in zip(*(c.tolist() for c in columns), strict=True)
        ],
    )
    alt = (
        f"Scatter plot of {plural(len(fit.measured), 'prediction')} of {fit.name} against the "
        f"measurement: RMSE {fit.rmse:.3g}, R² {format_number(fit.r2, 2)}."
    )
    return Figure(path, alt)


def _histogram(run: Run, fit: Fit, unit: str, mark: str) -> Figure:
    path = run.figures / f"errors{mark}.svg"
    off = fit.predicted - fit.measured
    most = float(np.abs(off).max()) or 1.0
    bins = int(np.clip(np.sqrt(len(off)) * 1.5, 9, 41)) | 1  # odd: one bin is around 0
    counts, edges = np.histogram(off, bins, (-most, most))
    bias = float(off.mean())
    with drawing(path, 4.6, NARROW) as figure:
        axes = figure.add_subplot()
        axes.bar(
            edges[:-1], counts, np.diff(edges), align="edge", color=CLASS_COLORS[4], ec=BACKGROUND
        )
        axes.axvline(0, color=INK, lw=1.1, label="zero residual")
        axes.axvline(
            bias, color=CLASS_COLORS[5], ls="--", label=f"mean residual: {bias:+.3f}{_after(unit)}"
        )
        axes.locator_params(axis="y", integer=True)
        axes.set(xlabel=_label("Predicted − measured", unit), ylabel=f"Test {run.item}s")
        axes.set_title("Residuals")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"from": a, "to": b, "count": c}
            for a, b, c in zip(
                edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True
            )
        ],
    )
    alt = f"Histogram of the residuals of {fit.name}: from {off.min():.3g} to {off.max():.3g}."
    return Figure(path, alt)
