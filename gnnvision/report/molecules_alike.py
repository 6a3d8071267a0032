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

__all__ = ["Nearest", "Trend", "alike", "nearest", "off_by_molecule", "trend"]

EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
_MOST = 1000
_FEWEST = 10  # molecules that it takes to fit a trend
_RESAMPLED = 1000
_HELD: WeakKeyDictionary[MoleculeTask, TrainingMolecules] = WeakKeyDictionary()


def nearest(task: MoleculeTask, asked: Sequence[int]) -> Nearest:
    """The training molecule most like each of some rows, by `TrainingMolecules.nearest`.

    Args:
        task: its molecules and its split.
        asked: rows that are molecules.

    Returns:
        `rows` are those of the task.
    """
    train = np.array(task.split.train, dtype=np.int64)
    if task not in _HELD:  # two sections ask
        smiles = [task.smiles[row] for row in train.tolist()]
        _HELD[task] = TrainingMolecules(smiles, task.featurizer)
    found = _HELD[task].nearest([task.smiles[row] for row in asked])
    return Nearest(train[found.rows], found.similarity)


@dataclass(frozen=True)
class Trend:
    """How errors change with similarity, with 95 % intervals by the bootstrap over molecules.

    Args:
        correlation: Spearman's rank correlation: its value and the ends of its interval.
        at: similarities. Shape (P,).
        line: the error that a straight line by least squares expects there. Shape (P,).
        low: the lower end of its interval.
        high: the upper end.
    """

    correlation: tuple[float, float, float]
    at: NDArray[np.float64]
    line: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def direction(self) -> int:
        """-1 if the error falls as similarity rises, 1 if it rises, 0 if neither is shown."""
        _, low, high = self.correlation
        return -1 if high < 0 else 1 if low > 0 else 0


def trend(similarity: NDArray[np.float64], error: NDArray[np.float64]) -> Trend | None:
    """The trend of errors over similarities; None where there is none to fit.

    Args:
        similarity: of each molecule to the nearest training molecule. Shape (n,).
        error: of each. Shape (n,).

    References:
        Efron, Tibshirani, "Bootstrap Methods for Standard Errors, Confidence Intervals, and Other
        Measures of Statistical Accuracy", 1986, https://doi.org/10.1214/ss/1177013815.
    """
    if len(error) < _FEWEST or np.ptp(similarity) == 0 or np.ptp(error) == 0:
        return None
    picks = np.random.default_rng(0).integers(len(error), size=(_RESAMPLED, len(error)))
    picks[0] = np.arange(len(error))  # the molecules themselves
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
    """Pearson's, of each row."""
    x, y = (values - values.mean(1, keepdims=True) for values in (x, y))
    scale = np.sqrt(np.square(x).sum(1) * np.square(y).sum(1))
    out: NDArray[np.float64] = (x * y).sum(1) / scale
    return out


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    out: NDArray[np.float64] = rankdata(values, axis=1)
    return out


def off_by_molecule(task: MoleculeTask, off: NDArray[np.float64]) -> NDArray[np.float64]:
    """One error for each molecule: the mean over its known targets, each in its own spread.

    Args:
        task: whose molecules.
        off: what `errors` returned. Shape (G, T).

    Returns:
        Shape (G,); NaN where no target is known. With one target, in its unit.
    """
    if off.shape[1] > 1 and (moments := task.target_moments) is not None:
        off = off / moments[1].cpu().double().numpy()
    known = ~np.isnan(off)
    total = np.where(known, off, 0).sum(1)
    return np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def alike(run: Run) -> Section | None:
    """The section of error against similarity; None where the items are no molecules."""
    task, said = run.molecules, run.predictions
    if said is None or not len(task.split.train):
        return None
    off = off_by_molecule(task, errors(task, said))
    items = test_items(task)
    items = subsample(items[~np.isnan(off[items])], _MOST)
    if not len(items):
        return None
    found = nearest(task, items.tolist())
    words = _words(task)
    rows, bars = [], []
    places = np.clip(np.searchsorted(EDGES, found.similarity, "right") - 1, 0, len(EDGES) - 2)
    for place in range(len(EDGES) - 1):
        here = off[items][places == place]
        if not len(here):
            continue
        label = f"{EDGES[place]:.1f} to {EDGES[place + 1]:.1f}"
        middle, high = float(np.median(here)), float(np.quantile(here, 0.9))
        rows.append(
            (label, f"{here.mean():.3f}", f"{middle:.3f}", f"{high:.3f}", f"{len(here):,}")
        )
        bars.append({"similarity": label, "mean": float(here.mean())})
    fitted = trend(found.similarity, off[items])
    picture = _draw(run, found.similarity, off[items], items, bars, places, words, fitted)
    head = ("Similarity", "Mean error", "Median", "90 % below", "Count")
    note = (
        "The similarity is Tanimoto's coefficient of Morgan fingerprints (radius "
        f"{RADIUS}, {BITS} bits) with the nearest training molecule: 1 for the same "
        f"environments of all atoms. Error: {words}. The kept model is measured, on its "
        f"own test split. The intervals are from {_RESAMPLED:,} bootstrap samples of the test "
        f"{run.item}s; they do not include how another training would differ. "
        f"predict_molecules.py writes the similarity of each new {run.item}, and the "
        "training molecule that it is of."
    )
    if len(items) < len(task.split.test):
        note += f" {len(items):,} of {len(task.split.test):,} test molecules, drawn at random."
    lead = _advice(fitted, run.item, len(items))
    return Section("Applicability domain", lead, [picture], [Table(head, rows)], note)


def _words(task: MoleculeTask) -> str:
    if task.kind == "classification":
        return "1 - the probability of the true class"
    if task.kind == "multilabel":
        return "the distance of the probability from 0 or 1, whichever is true"
    if task.num_outputs > 1:
        return "the mean over the targets of |predicted - measured|, each by its spread"
    named = unit(task)
    return "|predicted - measured|" + (f" in {named}" if named else "")


def _advice(fitted: Trend | None, item: str, count: int) -> str:
    """What the similarity of a new molecule says of the error to expect."""
    if fitted is None:
        return (
            f"How the error depends on the similarity to the nearest training {item} cannot be "
            f"said: {count} test {item}s are too few, or all of one similarity or error."
        )
    value, low, high = fitted.correlation
    numbers = (
        f"Spearman's rank correlation of error and similarity to the nearest training {item}: "
        f"{value:z.2f}, 95 % interval {low:z.2f} to {high:z.2f}, {count:,} test {item}s"
    )
    if not fitted.direction:
        return (
            f"No trend shown: the interval includes 0 ({numbers}). So here the similarity of a "
            f"new {item} says nothing about its error that these test {item}s could show."
        )
    ends = "; ".join(
        f"{fitted.line[place]:.2f} ({fitted.low[place]:.2f} to {fitted.high[place]:.2f}) at "
        f"{fitted.at[place]:.2f}"
        for place in (0, -1)
    )
    falls = fitted.direction < 0
    lead = (
        f"The error {'falls' if falls else 'rises'} as the similarity rises ({numbers}). A "
        f"straight line through them expects an error of {ends}."
    )
    if falls:
        return f"{lead} Mind the similarity of a new {item} before trusting its prediction."
    return f"{lead} So a {item} like those of the training is no safer here."


def _draw(
    run: Run,
    similarity: NDArray[np.float64],
    off: NDArray[np.float64],
    items: NDArray[np.int64],
    bars: list[dict[str, object]],
    places: NDArray[np.int64],
    words: str,
    fitted: Trend | None,
) -> Figure:
    path = run.figures / "similarity.png"
    with drawing(path, 3.9) as figure:
        axes = figure.add_subplot()
        look = {"s": 12, "color": CLASS_COLORS[4], "alpha": 0.6, "lw": 0}
        axes.scatter(similarity, off, label=f"a test {run.item}", **look)  # type: ignore[arg-type]
        for number, place in enumerate(sorted(set(places.tolist()))):
            ends = [EDGES[place], EDGES[place + 1]]
            level = float(str(bars[number]["mean"]))
            label = "mean of a range" if number == 0 else None
            axes.plot(ends, [level, level], color=INK, lw=2.4, label=label)
        if fitted is not None:
            shown = "95 % interval of the line"
            axes.fill_between(
                fitted.at, fitted.low, fitted.high, color=MUTED, alpha=0.3, lw=0, label=shown
            )
            axes.plot(fitted.at, fitted.line, color=MUTED, lw=1.6, label="straight line")
        axes.set(xlim=(0, 1.02), ylabel="error", title="Error against similarity")
        axes.set_xlabel(f"Tanimoto similarity to the nearest training {run.item}")
        axes.set_ylim(bottom=0)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"row": row, "similarity": share, "error": error}
            for row, share, error in zip(
                items.tolist(), similarity.tolist(), off.tolist(), strict=True
            )
        ],
    )
    told = "; ".join(f"{b['similarity']}: {b['mean']:.2f}" for b in bars)
    return Figure(path, f"Error ({words}) by similarity: {told}.")
