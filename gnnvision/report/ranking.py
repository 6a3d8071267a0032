"""Yes or no: how well probabilities rank, and whether they can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, drawing, legend_below
from gnnvision.training import Result
from gnnvision.training.folder import write_csv

__all__ = ["Ranked", "calibration", "ranked", "ranking"]

BINS = 10
_MOST_NAMED = 4
_GRID = np.linspace(0, 1, 201)


@dataclass(frozen=True)
class Ranked:
    """The test answers of one target with both classes among them, over all seeds.

    Args:
        name: of the target.
        truth: 0 or 1. Shape (n,).
        chance: the probability of 1 that was predicted. Shape (n,).
        area: under the ROC curve, the mean over the seeds where there is one.
        precision: the average precision, likewise.
        curve: the true positive rate at each of 201 false positive rates, likewise.
    """

    name: str
    truth: NDArray[np.float64]
    chance: NDArray[np.float64]
    area: float
    precision: float
    curve: NDArray[np.float64]


def ranked(result: Result) -> list[Ranked]:
    """Every target that has both classes in the test part of some seed."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    out = []
    for number, name in enumerate(result.task.class_names):
        truths, chances, figures, curves = [], [], [], []
        for outcome in result.outcomes:
            truth = outcome.target[:, number].cpu().double().numpy()
            chance = outcome.prediction[:, number].cpu().double().numpy()
            here = ~np.isnan(truth)
            truth, chance = truth[here], chance[here]
            truths.append(truth)
            chances.append(chance)
            if len(np.unique(truth)) < 2:
                continue
            figures.append((roc_auc_score(truth, chance), average_precision_score(truth, chance)))
            false, true, _ = roc_curve(truth, chance)
            curves.append(np.interp(_GRID, false, true))
        if figures:
            area, precision = np.mean(figures, 0).tolist()
            every = np.concatenate(truths), np.concatenate(chances)
            out.append(Ranked(name, *every, area, precision, np.mean(curves, 0)))
    return out


def calibration(
    truth: NDArray[np.float64], chance: NDArray[np.float64]
) -> tuple[float, list[dict[str, float]]]:
    """The expected calibration error, and the bins of equal width that it is taken over.

    Σ nᵦ / n |share of 1 in bin b - mean probability in bin b|.

    Args:
        truth: 0 or 1. Shape (n,).
        chance: probabilities of 1. Shape (n,).

    References:
        Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", 2015, for the error; here of the probability of "yes".
    """
    places = np.minimum((chance * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for place in range(BINS):
        here = places == place
        if not here.any():
            continue
        share, mean = float(truth[here].mean()), float(chance[here].mean())
        error += here.mean() * abs(share - mean)
        edges = {"from": place / BINS, "to": (place + 1) / BINS}
        rows.append(edges | {"predicted": mean, "observed": share, "count": int(here.sum())})
    return float(error), rows


def ranking(run: Run) -> Section | None:
    """The section of ROC curves and calibration; None where nothing is yes or no."""
    targets = ranked(run.result)
    if not targets:
        return None
    error, bins = calibration(
        np.concatenate([t.truth for t in targets]), np.concatenate([t.chance for t in targets])
    )
    mean = float(np.mean([target.area for target in targets]))
    lead = (
        f"A {run.item} for which the answer is yes gets a higher probability than one with no in "
        f"{100 * mean:.1f} % of all pairs: the area under the ROC curve"
    )
    lead += f", a mean over {len(targets)} targets. " if len(targets) > 1 else ". "
    lead += (
        f"Predicted probabilities differ by {100 * error:.1f} points on average from how often "
        "the answer is yes."
    )
    rows = []
    for target in sorted(targets, key=lambda t: -t.area):
        own, _ = calibration(target.truth, target.chance)
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
    head = ("Target", "ROC AUC", "Average precision", "Calibration error", "Yes", "No")
    seeds = len(run.result.outcomes)
    note = (
        "ROC AUC of 50 % is chance. The average precision of chance is the share of yes. The "
        "calibration error is the expected one over ten bins of equal width. A target of which "
        "the test part has only one class has no curve"
    )
    left = run.result.task.num_outputs - len(targets)
    note += f", which are {left} here" if left else ""
    if seeds > 1:
        note += f". Curves and areas are means over {seeds} seeds; counts are summed over them"
    pictures = [_roc(run, targets, mean), _reliability(run, error, bins)]
    title = "How well the answers rank, and how far to trust them"
    return Section(title, lead, pictures, [Table(head, rows)], note + ".", wide=True)


def _roc(run: Run, targets: list[Ranked], mean: float) -> Figure:
    path = run.figures / "roc.png"
    curves = np.stack([target.curve for target in targets])
    with drawing(path, 5.0) as figure:
        axes = figure.add_subplot()
        if len(targets) <= _MOST_NAMED:
            for number, target in enumerate(targets):
                label = f"{target.name}: {100 * target.area:.1f} %"
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
                label="lowest to highest",
            )
        if len(targets) > 1:
            label = f"mean of {len(targets)}: {100 * mean:.1f} %"
            axes.plot(_GRID, curves.mean(0), color=INK, lw=2.4, label=label)
        axes.plot([0, 1], [0, 1], color=MUTED, ls=":", lw=1.2, label="chance")
        axes.set(xlabel="share of the no's taken for yes", ylabel="share of the yes's found")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", title="ROC curves")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    names = [target.name for target in targets]
    write_csv(
        path.with_suffix(".csv"),
        [
            {"false_positive_rate": rate} | dict(zip(names, column, strict=True))
            for rate, column in zip(_GRID.tolist(), curves.T.tolist(), strict=True)
        ],
    )
    told = ", ".join(f"{t.name} {100 * t.area:.0f} %" for t in targets[:12])
    return Figure(path, f"ROC curves; areas: {told}.")


def _reliability(run: Run, error: float, bins: list[dict[str, float]]) -> Figure:
    path = run.figures / "calibration.png"
    predicted, observed = [b["predicted"] for b in bins], [b["observed"] for b in bins]
    with drawing(path, 5.0) as figure:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=MUTED, ls=":", lw=1.2, label="as predicted")
        label = f"observed; calibration error {100 * error:.1f} %"
        axes.plot(predicted, observed, color=CLASS_COLORS[0], marker="o", label=label)
        axes.set(ylabel="share that is yes", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
        axes.set_title("Can the probabilities be believed?")
        starts = [b["from"] for b in bins]
        below.bar(starts, [b["count"] for b in bins], 1 / BINS, align="edge", color=MUTED, ec="w")
        below.set_yscale("log")
        below.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        below.set(ylabel="answers", xlabel="predicted probability of yes")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(path.with_suffix(".csv"), bins)
    told = "; ".join(f"{b['predicted']:.2f} predicted, {b['observed']:.2f} observed" for b in bins)
    return Figure(path, f"Reliability diagram: {told}.")
