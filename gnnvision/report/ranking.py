"""ROC curves and calibration of a multilabel task."""

from __future__ import annotations

from dataclasses import dataclass

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

__all__ = ["RocCurve", "calibration", "ranking", "roc_curves"]

BINS = 10
_MOST_NAMED = 4
_GRID = np.linspace(0, 1, 201)


@dataclass(frozen=True)
class RocCurve:
    """The test predictions of one target that has both classes, over all seeds.

    Args:
        name: of the target.
        truth: 0 or 1. Shape (n,).
        probability: the predicted probability of 1. Shape (n,).
        area: under the ROC curve, the mean over the seeds in which it is defined.
        precision: the average precision, the mean over the same seeds.
        curve: the true positive rate at 201 false positive rates, the mean over these seeds.
    """

    name: str
    truth: NDArray[np.float64]
    probability: NDArray[np.float64]
    area: float
    precision: float
    curve: NDArray[np.float64]


def roc_curves(result: Result) -> list[RocCurve]:
    """The targets that have both classes in the test split of some seed."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    out = []
    for number, name in enumerate(result.task.class_names):
        truths, probabilities, areas, curves = [], [], [], []
        for outcome in result.outcomes:
            truth = outcome.target[:, number].cpu().double().numpy()
            probability = outcome.prediction[:, number].cpu().double().numpy()
            here = ~np.isnan(truth)
            truth, probability = truth[here], probability[here]
            truths.append(truth)
            probabilities.append(probability)
            if len(np.unique(truth)) < 2:
                continue
            score = average_precision_score(truth, probability)
            areas.append((roc_auc_score(truth, probability), score))
            false, true, _ = roc_curve(truth, probability)
            curves.append(np.interp(_GRID, false, true))
        if areas:
            area, precision = np.mean(areas, 0).tolist()
            both = np.concatenate(truths), np.concatenate(probabilities)
            out.append(RocCurve(name, *both, area, precision, np.mean(curves, 0)))
    return out


def calibration(
    truth: NDArray[np.float64], probability: NDArray[np.float64]
) -> tuple[float, list[dict[str, float]]]:
    """The expected calibration error, and the bins of equal width that it is computed from.

    Σ nᵦ / n |observed frequency of 1 in bin b - mean predicted probability in bin b|.

    Args:
        truth: 0 or 1. Shape (n,).
        probability: the predicted probability of 1. Shape (n,).

    References:
        Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", 2015; here of the probability of the positive class.
    """
    places = np.minimum((probability * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for place in range(BINS):
        here = places == place
        if not here.any():
            continue
        observed, mean = float(truth[here].mean()), float(probability[here].mean())
        error += here.mean() * abs(observed - mean)
        edges = {"from": place / BINS, "to": (place + 1) / BINS}
        rows.append(edges | {"predicted": mean, "observed": observed, "count": int(here.sum())})
    return float(error), rows


def ranking(run: Run) -> Section | None:
    """The section of ROC curves and calibration; None if no target has both classes."""
    targets = roc_curves(run.result)
    if not targets:
        return None
    error, bins = calibration(
        np.concatenate([t.truth for t in targets]),
        np.concatenate([t.probability for t in targets]),
    )
    mean = float(np.mean([target.area for target in targets]))
    lead = (
        f"The area under the ROC curve (ROC AUC) is {100 * mean:.1f} %: the probability that a "
        f"positive {run.item} is ranked above a negative one"
    )
    lead += f", averaged over {len(targets)} targets. " if len(targets) > 1 else ". "
    lead += (
        "Predicted probabilities differ from observed frequencies by "
        f"{100 * error:.1f} percentage points on average."
    )
    rows = []
    for target in sorted(targets, key=lambda t: -t.area):
        own, _ = calibration(target.truth, target.probability)
        positive = int(target.truth.sum())
        rows.append(
            (
                target.name,
                f"{100 * target.area:.1f} %",
                f"{100 * target.precision:.1f} %",
                f"{100 * own:.1f} %",
                f"{positive:,}",
                f"{len(target.truth) - positive:,}",
            )
        )
    head = ("Target", "ROC AUC", "Average precision", "Calibration error", "Positive", "Negative")
    seeds = len(run.result.outcomes)
    note = (
        "Random predictions have a ROC AUC of 50 % and an average precision equal to the share of "
        "positives. The calibration error is the expected calibration error (ECE) over ten bins "
        "of equal width. A target with only one class in the test split has no curve"
    )
    left = run.result.task.num_outputs - len(targets)
    note += f" (here: {plural(left, 'target')})" if left else ""
    if seeds > 1:
        note += f". Curves and areas are means over {seeds} seeds; counts are summed over them"
    figures = [_roc(run, targets, mean), _reliability(run, error, bins)]
    title = "ROC curve and calibration"
    return Section(title, lead, figures, [Table(head, rows)], note + ".", wide=True)


def _roc(run: Run, targets: list[RocCurve], mean: float) -> Figure:
    path = run.figures / "roc.svg"
    curves = np.stack([target.curve for target in targets])
    with drawing(path, 4.6, NARROW) as figure:
        axes = figure.add_subplot()
        if len(targets) <= _MOST_NAMED:
            for number, target in enumerate(targets):
                label = f"{wrapped(target.name, 30)} (AUC {100 * target.area:.1f} %)"
                color, dash = CLASS_COLORS[number], ("-", "--", "-.", ":")[number]
                axes.plot(_GRID, target.curve, color=color, ls=dash, label=label)
        else:
            low, high = curves.min(0), curves.max(0)
            axes.fill_between(
                _GRID,
                low,
                high,
                color=CLASS_COLORS[4],
                alpha=0.25,
                lw=0,
                label="range over targets",
            )
        if len(targets) > 1:
            label = f"mean of {len(targets)} (AUC {100 * mean:.1f} %)"
            axes.plot(_GRID, curves.mean(0), color=INK, lw=2.4, label=label)
        axes.plot([0, 1], [0, 1], color=MUTED, ls=":", lw=1.2, label="chance")
        axes.set(xlabel="False positive rate", ylabel="True positive rate")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set_title("ROC curve" if len(targets) == 1 else "ROC curves")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    names = [target.name for target in targets]
    write_csv(
        path.with_suffix(".csv"),
        [
            {"false_positive_rate": rate} | dict(zip(names, column, strict=True))
            for rate, column in zip(_GRID.tolist(), curves.T.tolist(), strict=True)
        ],
    )
    areas = ", ".join(f"{t.name} {100 * t.area:.0f} %" for t in targets[:12])
    return Figure(path, f"ROC curves; AUC: {areas}.")


def _reliability(run: Run, error: float, bins: list[dict[str, float]]) -> Figure:
    path = run.figures / "calibration.svg"
    predicted, observed = [b["predicted"] for b in bins], [b["observed"] for b in bins]
    with drawing(path, 4.6, NARROW) as figure:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=MUTED, ls=":", lw=1.2, label="perfect calibration")
        label = f"observed (calibration error {100 * error:.1f} %)"
        axes.plot(predicted, observed, color=CLASS_COLORS[0], marker="o", label=label)
        axes.set(ylabel="Observed frequency", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
        axes.set_title("Calibration (reliability diagram)")
        starts = [b["from"] for b in bins]
        below.bar(
            starts, [b["count"] for b in bins], 1 / BINS, align="edge", color=MUTED, ec=BACKGROUND
        )
        below.set_yscale("log")
        below.minorticks_off()
        below.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        below.set(ylabel="Count", xlabel="Predicted probability")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(path.with_suffix(".csv"), bins)
    pairs = "; ".join(
        f"{b['predicted']:.2f} predicted, {b['observed']:.2f} observed" for b in bins
    )
    return Figure(path, f"Reliability diagram: {pairs}.")
