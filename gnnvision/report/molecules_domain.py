"""Applicability domain: how the error depends on the similarity to the training molecules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.data.molecules.similarity import BITS, RADIUS, Nearest, TrainingMolecules
from gnnvision.report.images import subsample
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.predictions import errors, test_items, unit
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, drawing, legend_below
from gnnvision.training.folder import write_csv

__all__ = [
    "Trend",
    "applicability_domain",
    "error_per_molecule",
    "nearest_training_molecules",
    "trend",
]

EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
_MOST_SHOWN = 1000  # molecules
_FEWEST = 10  # molecules needed to fit a trend
_RESAMPLES = 1000
_CACHE: WeakKeyDictionary[MoleculeTask, TrainingMolecules] = WeakKeyDictionary()


def nearest_training_molecules(task: MoleculeTask, rows: Sequence[int]) -> Nearest:
    """The nearest training molecule of each row, by `TrainingMolecules.nearest`.

    Args:
        task: molecules with a split.
        rows: rows of the task with valid SMILES.

    Returns:
        The nearest training molecules as rows of the task.
    """
    train = np.array(task.split.train, dtype=np.int64)
    if task not in _CACHE:  # two sections need it
        smiles = [task.smiles[row] for row in train.tolist()]
        _CACHE[task] = TrainingMolecules(smiles, task.featurizer)
    found = _CACHE[task].nearest([task.smiles[row] for row in rows])
    return Nearest(train[found.rows], found.similarity)


@dataclass(frozen=True)
class Trend:
    """The trend of the error with similarity, with 95 % bootstrap intervals over the molecules.

    Args:
        correlation: Spearman's rank correlation and the ends of its interval.
        at: similarities. Shape (P,).
        line: the error predicted by linear regression at these similarities. Shape (P,).
        low: the lower end of its confidence interval. Shape (P,).
        high: the upper end. Shape (P,).
    """

    correlation: tuple[float, float, float]
    at: NDArray[np.float64]
    line: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def direction(self) -> int:
        """-1 if the error falls with similarity, 1 if it rises, 0 if neither is significant."""
        _, low, high = self.correlation
        return -1 if high < 0 else 1 if low > 0 else 0


def trend(similarity: NDArray[np.float64], error: NDArray[np.float64]) -> Trend | None:
    """Fit the trend of the error with similarity; None for too few or constant values.

    Args:
        similarity: of each molecule to its nearest training molecule. Shape (n,).
        error: of each prediction. Shape (n,).

    References:
        Efron, Tibshirani, "Bootstrap Methods for Standard Errors, Confidence Intervals, and Other
        Measures of Statistical Accuracy", 1986, https://doi.org/10.1214/ss/1177013815.
    """
    if len(error) < _FEWEST or np.ptp(similarity) == 0 or np.ptp(error) == 0:
        return None
    picks = np.random.default_rng(0).integers(len(error), size=(_RESAMPLES, len(error)))
    picks[0] = np.arange(len(error))  # the original sample
    x, y = similarity[picks], error[picks]
    x, y = (values[(np.ptp(x, 1) > 0) & (np.ptp(y, 1) > 0)] for values in (x, y))
    ranks = _correlation(_ranks(x), _ranks(y))
    middle = x.mean(1, keepdims=True)
    away = x - middle
    slope = (away * y).sum(1) / np.square(away).sum(1)
    at = np.linspace(similarity.min(), similarity.max(), 25)
    lines = y.mean(1)[:, None] + slope[:, None] * (at - middle)
    ends = np.quantile(lines, (0.025, 0.975), 0)
    spread = np.quantile(ranks, (0.025, 0.975)).tolist()
    return Trend((float(ranks[0]), spread[0], spread[1]), at, lines[0], ends[0], ends[1])


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation of each row."""
    x, y = (values - values.mean(1, keepdims=True) for values in (x, y))
    scale = np.sqrt(np.square(x).sum(1) * np.square(y).sum(1))
    out: NDArray[np.float64] = (x * y).sum(1) / scale
    return out


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each value in its row, from 1; equal values share the mean of theirs.

    It is `scipy.stats.rankdata`, which takes a second to import.
    """
    order = np.argsort(values, 1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    number = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    changes = np.diff(ordered, axis=1) != 0
    edge = np.ones((len(values), 1), bool)
    # The first and the last place of each run of equal values.
    first = np.maximum.accumulate(np.where(np.hstack([edge, changes]), number, 0), 1)
    ends = np.where(np.hstack([changes, edge]), number, values.shape[1])
    last = np.minimum.accumulate(ends[:, ::-1], 1)[:, ::-1]
    out = np.empty_like(values)
    np.put_along_axis(out, order, (first + last) / 2 + 1, 1)
    return out


def error_per_molecule(task: MoleculeTask, off: NDArray[np.float64]) -> NDArray[np.float64]:
    """One error per molecule: the mean over its known targets, each divided by its std.

    Args:
        task: the molecules.
        off: the return value of `errors`. Shape (G, T).

    Returns:
        Shape (G,); NaN where no target is known. With one target, in its unit.
    """
    if off.shape[1] > 1 and (moments := task.target_statistics) is not None:
        off = off / moments[1].cpu().double().numpy()
    known = ~np.isnan(off)
    total = np.where(known, off, 0).sum(1)
    return np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def applicability_domain(run: Run) -> Section | None:
    """The section of the error by similarity; None without predictions or training molecules."""
    task, predictions = run.molecules, run.predictions
    if predictions is None or not len(task.split.train):
        return None
    error = error_per_molecule(task, errors(task, predictions))
    items = test_items(task)
    items = subsample(items[~np.isnan(error[items])], _MOST_SHOWN)
    if not len(items):
        return None
    found = nearest_training_molecules(task, items.tolist())
    meaning = _error_text(task)
    rows, bars = [], []
    bins = np.clip(np.searchsorted(EDGES, found.similarity, "right") - 1, 0, len(EDGES) - 2)
    for place in range(len(EDGES) - 1):
        here = error[items][bins == place]
        if not len(here):
            continue
        label = f"{EDGES[place]:.1f}–{EDGES[place + 1]:.1f}"
        middle, high = float(np.median(here)), float(np.quantile(here, 0.9))
        rows.append(
            (label, f"{here.mean():.3f}", f"{middle:.3f}", f"{high:.3f}", f"{len(here):,}")
        )
        bars.append({"similarity": label, "mean": float(here.mean())})
    fit = trend(found.similarity, error[items])
    figure = _draw(run, found.similarity, error[items], items, bars, bins, fit)
    head = ("Similarity", "Mean error", "Median error", "90th percentile", "Count")
    best = " of the best seed" if len(run.result.outcomes) > 1 else ""
    note = (
        f"Tanimoto similarity of Morgan fingerprints (radius {RADIUS}, {BITS} bits) to the "
        "nearest training molecule; 1 if all atom environments are equal. The error is "
        f"{meaning}{best}, on the test split. The 95 % intervals are from "
        f"{_RESAMPLES:,} bootstrap samples of the test {run.item}s and do not include the "
        "variance between trainings. predict_molecules.py writes the similarity and the nearest "
        f"training molecule of each new {run.item}."
    )
    if len(items) < len(task.split.test):
        note += f" Shown are {len(items):,} of {len(task.split.test):,} test molecules, at random."
    lead = _describe_trend(fit, run.item, len(items))
    return Section("Applicability domain", lead, [figure], [Table(head, rows)], note)


def _error_text(task: MoleculeTask) -> str:
    if task.kind == "classification":
        return "1 − the predicted probability of the true class"
    if task.kind == "multilabel":
        return "|predicted probability − label|"
    if task.num_outputs > 1:
        return "the mean over the targets of |predicted − measured| / standard deviation"
    return "|predicted − measured|" + (f" in {unit(task)}" if unit(task) else "")


def _describe_trend(fit: Trend | None, item: str, count: int) -> str:
    """What the similarity of a new molecule implies for its expected error."""
    if fit is None:
        return (
            f"The trend of the error with the similarity to the nearest training {item} is "
            f"undefined: {count} test {item}s are too few, or their similarity or error is "
            "constant."
        )
    value, low, high = fit.correlation
    numbers = (
        f"Spearman's rank correlation {value:z.2f}, 95 % confidence interval {low:z.2f} to "
        f"{high:z.2f}, {count:,} test {item}s"
    )
    similarity = f"similarity to the nearest training {item}"
    if not fit.direction:
        return (
            f"No significant trend of the error with the {similarity} ({numbers}). On this test "
            f"split, similarity does not indicate how reliable a prediction is."
        )
    ends = "; ".join(
        f"{fit.line[place]:.2f} (95 % interval {fit.low[place]:.2f} to {fit.high[place]:.2f}) at "
        f"similarity {fit.at[place]:.2f}"
        for place in (0, -1)
    )
    falls = fit.direction < 0
    lead = (
        f"The error {'falls' if falls else 'rises'} with increasing {similarity} ({numbers}). "
        f"Linear regression gives an expected error of {ends}."
    )
    if falls:
        return f"{lead} Check the similarity of a new {item} before you trust its prediction."
    return f"{lead} Here, similar {item}s are not predicted more reliably."


def _draw(
    run: Run,
    similarity: NDArray[np.float64],
    error: NDArray[np.float64],
    items: NDArray[np.int64],
    bars: list[dict[str, object]],
    bins: NDArray[np.int64],
    fit: Trend | None,
) -> Figure:
    path = run.figures / "similarity.svg"
    with drawing(path, 3.9) as figure:
        axes = figure.add_subplot()
        look = {"s": 12, "color": CLASS_COLORS[4], "alpha": 0.6, "lw": 0}
        axes.scatter(similarity, error, label=f"test {run.item}", **look)  # type: ignore[arg-type]
        for number, place in enumerate(sorted(set(bins.tolist()))):
            ends = [EDGES[place], EDGES[place + 1]]
            level = float(str(bars[number]["mean"]))
            label = "mean error per bin" if number == 0 else None
            axes.plot(ends, [level, level], color=INK, lw=2.4, label=label)
        if fit is not None:
            band = "95 % confidence interval"
            axes.fill_between(fit.at, fit.low, fit.high, color=MUTED, alpha=0.3, lw=0, label=band)
            axes.plot(fit.at, fit.line, color=MUTED, lw=1.6, label="linear regression")
        axes.set(xlim=(0, 1.02), ylabel=_error_axis(run.molecules))
        axes.set_title("Error by similarity to the training split")
        axes.set_xlabel(f"Tanimoto similarity to the nearest training {run.item}")
        axes.set_ylim(bottom=0)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"row": row, "similarity": share, "error": value}
            for row, share, value in zip(
                items.tolist(), similarity.tolist(), error.tolist(), strict=True
            )
        ],
    )
    means = "; ".join(f"{b['similarity']}: {b['mean']:.2f}" for b in bars)
    return Figure(path, f"Scatter plot of error by similarity. Mean error per bin: {means}.")


def _error_axis(task: MoleculeTask) -> str:
    if task.kind == "classification":
        return "1 − probability of the true class"
    if task.kind == "multilabel":
        return "|Predicted probability − label|"
    if task.num_outputs > 1:
        return "Mean |predicted − measured| / std"
    return "|Predicted − measured|" + (f" ({unit(task)})" if unit(task) else "")
