"""The confusion matrix: how often each class was predicted for each true class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.style import BACKGROUND, INK, MATRIX_MAP, UNKNOWN, drawing, wrapped
from gnnvision.training import Result
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import UNDEFINED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion", "confusion_counts"]

_MOST_WITH_NUMBERS = 16
_MOST_NAMED = 40
_LISTED = 15
_FITS_A_CELL = 6  # letters


def confusion_counts(result: Result) -> NDArray[np.int64]:
    """How often each class (column) was predicted for each true class (row), over all seeds."""
    size = result.task.num_outputs
    counts = np.zeros((size, size), dtype=np.int64)
    for outcome in result.outcomes:
        target, prediction = outcome.target.cpu().numpy(), outcome.prediction.cpu().numpy()
        np.add.at(counts, (target, prediction), 1)
    return counts


def confusion(run: Run) -> Section | None:
    """The section of the confusion matrix; None if nothing was tested."""
    result = run.result
    counts = confusion_counts(result)
    if not counts.sum():
        return None
    names = list(result.task.class_names)
    each = counts.sum(1, keepdims=True)
    shares = np.divide(counts, each, out=np.full(counts.shape, np.nan), where=each > 0)
    seeds = len(result.outcomes)
    kinds = ("confusion_shares", "confusion")[len(names) > _MOST_WITH_NUMBERS :]
    figures = run.draw(*(partial(_draw, run, names, counts, shares, kind) for kind in kinds))
    over = f", summed over {seeds} seeds" if seeds > 1 else ""
    note = (
        f"In percent, each row adds up to 100 %. Recall: the share of a class's {run.item}s that "
        "were predicted as that class. Precision: the share of the predictions of a class that "
        f"are correct. Support: its test {run.item}s{' in one seed' if seeds > 1 else ''}."
    )
    if not each.all():
        note += f" A class without test {run.item}s has no percentages and no recall."
    if len(names) > _MOST_NAMED:
        numbered = [f"{name} ({number})" for number, name in enumerate(names)]
        tables = [_pairs(numbered, counts), _table(run, numbered, counts)]
        note += (
            f" The tables list the {_LISTED} most frequent confusions and the {_LISTED} classes "
            "with the lowest recall; all counts are in confusion.csv."
        )
    else:
        tables = [_table(run, names, counts)]
    lead = f"True and predicted classes of the test split{over}. {_worst(names, shares)}"
    return Section("Confusion matrix", lead, figures, tables, note, wide=True)


def _worst(names: list[str], shares: NDArray[np.float64]) -> str:
    """The most frequent confusion, as a sentence."""
    off = np.nan_to_num(shares)  # a class without test items is never confused
    np.fill_diagonal(off, 0.0)
    if not off.any():
        return "Every prediction is correct."
    true, predicted = np.unravel_index(int(off.argmax()), off.shape)
    return (
        f"The most frequent confusion: {100 * off[true, predicted]:.0f} % of “{names[true]}” "
        f"are predicted as “{names[predicted]}”."
    )


def _table(run: Run, names: list[str], counts: NDArray[np.int64]) -> Table:
    seeds = len(run.result.outcomes)
    right, true, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    rows = []
    shown: Sequence[int] = range(len(names))
    if len(names) > _MOST_NAMED:
        recalls = right / np.maximum(true, 1)
        shown = [n for n in np.argsort(recalls, kind="stable").tolist() if true[n]][:_LISTED]
    for number in shown:
        name = names[number]
        each = true[number] / seeds
        recall = f"{100 * right[number] / true[number]:.1f} %" if true[number] else "–"
        precision = (
            f"{100 * right[number] / predicted[number]:.1f} %" if predicted[number] else "–"
        )
        count = f"{each:,.0f}" if true[number] % seeds == 0 else f"{each:,.1f}"
        rows.append((name, recall, precision, count))
    return Table(("Class", "Recall", "Precision", "Support"), rows)


def _pairs(names: list[str], counts: NDArray[np.int64]) -> Table:
    """The most frequent confusions."""
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:_LISTED]
    pairs = [divmod(place, len(names)) for place in order.tolist()]
    rows = [(names[i], names[j], f"{off[i, j]:,}") for i, j in pairs if off[i, j]]
    return Table(("True class", "Predicted class", "Count"), rows, 2)


def _draw(
    run: Run,
    names: list[str],
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    name: str,
) -> Figure:
    """The matrix, colored by shares; its numbers are shares or counts, depending on `name`."""
    path = run.figures / f"{name}.svg"
    size, seeds = len(names), len(run.result.outcomes)
    numbered, named = size <= _MOST_WITH_NUMBERS, size <= _MOST_NAMED
    in_shares = name == "confusion_shares" or not numbered
    cell = (0.43 if size <= 8 else 0.38) if numbered else 0.27 if named else 8.5 / size
    with drawing(path, max(cell * size + 1.8, 4.4), cell * size + 1.9) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(100 * shares, cmap=MATRIX_MAP, vmin=0, vmax=100)
        if named:
            _name_classes(axes, names, counts.sum(1) / seeds)
        axes.set(xlabel="Predicted class", ylabel="True class (support)")
        axes.tick_params(length=0, labelsize=9)
        axes.grid(False)
        for side in axes.spines.values():
            side.set_visible(not named)
        if named:
            axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
            axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
            axes.grid(which="minor", color=BACKGROUND, linewidth=1.5)
            axes.tick_params(which="minor", length=0)
        if numbered:
            _write_numbers(axes, counts, shares, in_shares)
        else:
            figure.colorbar(image, ax=axes, shrink=0.75, aspect=24, pad=0.03)
        axes.set_title("Share of each true class (%)" if in_shares else f"Number of {run.item}s")
    values = np.round(shares, 6) if name == "confusion_shares" else counts
    rows = zip(names, values.tolist(), strict=True)
    write_csv(
        path.with_suffix(".csv"),
        [{"true_class": true} | dict(zip(names, row, strict=True)) for true, row in rows],
    )
    recalls = ", ".join(f"{n} {_recall(shares[i, i])}" for i, n in enumerate(names[:12]))
    what = "in percent" if in_shares else "in counts"
    alt = f"Confusion matrix of {size} classes {what}; recall: {recalls}."
    return Figure(path, alt)


def _name_classes(axes: Axes, names: list[str], per_seed: NDArray[np.float64]) -> None:
    size = len(names)
    rows = [f"{wrapped(n, 20)} ({c:,.0f})" for n, c in zip(names, per_seed, strict=True)]
    axes.set_xticks(range(size), [wrapped(name, 20) for name in names])
    axes.set_yticks(range(size), rows)
    turned = size > 2 or max(map(len, names)) > _FITS_A_CELL
    axes.tick_params(axis="x", rotation=40 if turned else 0)
    if turned:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor", va="top")


def _write_numbers(
    axes: Axes, counts: NDArray[np.int64], shares: NDArray[np.float64], in_shares: bool
) -> None:
    letters = 9.0 if counts.max() < 1000 or in_shares else 7.5
    for (i, j), share in np.ndenumerate(shares):
        ink = "white" if share > 0.55 else INK if counts[i, j] else UNKNOWN
        weight = "bold" if i == j else "normal"
        text = _percent(share) if in_shares else f"{counts[i, j]:,}"
        place: dict[str, Any] = {"ha": "center", "va": "center", "size": letters}
        axes.text(j, i, text, color=ink, weight=weight, **place)


def _recall(share: float) -> str:
    return UNDEFINED if math.isnan(share) else f"{100 * share:.0f} %"


def _percent(share: float) -> str:
    """A share in percent; what is there and rounds to nothing is "<1", undefined nothing."""
    if math.isnan(share):
        return ""
    return "<1" if 0 < share < 0.01 else f"{100 * share:.0f}"
