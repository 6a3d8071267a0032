"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.parts import Picture, Run, Section, Table
from gnnvision.report.style import MATRIX_MAP, drawing, wrapped
from gnnvision.report.words import plural
from gnnvision.training import Result
from gnnvision.training.folder import write_csv

__all__ = ["confusion", "confusion_counts"]

_MOST_WITH_NUMBERS = 16


def confusion_counts(result: Result) -> NDArray[np.int64]:
    """How often each class (row) was taken for each (column), summed over the seeds."""
    size = result.task.num_outputs
    counts = np.zeros((size, size), dtype=np.int64)
    for outcome in result.outcomes:
        target, prediction = outcome.target.cpu().numpy(), outcome.prediction.cpu().numpy()
        np.add.at(counts, (target, prediction), 1)
    return counts


def confusion(run: Run) -> Section | None:
    """The section of the confusion matrix; None where there are no classes."""
    result = run.result
    if result.task.kind != "classification":
        return None
    counts = confusion_counts(result)
    if not counts.sum():
        return None
    names = list(result.task.class_names)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    seeds = len(result.outcomes)
    picture = _draw(run, names, counts, shares)
    over = f", summed over {seeds} seeds" if seeds > 1 else ""
    note = (
        f"Every row adds up to 100 %; the count is the number of test {run.item}s of the "
        f"class{' in one seed' if seeds > 1 else ''}. Recall: of the {run.item}s of the class, "
        f"how many were found. Precision: of those put into the class, how many belong there."
    )
    lead = f"Which classes are confused on the test part{over}. {_worst(names, shares, counts)}"
    return Section("What is taken for what", lead, [picture], [_table(run, names, counts)], note)


def _worst(names: list[str], shares: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    """The most frequent mistake, in words."""
    off = shares.copy()
    np.fill_diagonal(off, 0.0)
    if not off.any():
        return "There was no mistake at all."
    true, taken = np.unravel_index(int(off.argmax()), off.shape)
    return (
        f"The most frequent mistake: {100 * off[true, taken]:.0f} % of “{names[true]}” "
        f"are taken for “{names[taken]}”."
    )


def _table(run: Run, names: list[str], counts: NDArray[np.int64]) -> Table:
    seeds = len(run.result.outcomes)
    right, true, said = counts.diagonal(), counts.sum(1), counts.sum(0)
    rows = []
    for number, name in enumerate(names):
        each = true[number] / seeds
        recall = f"{100 * right[number] / true[number]:.1f} %" if true[number] else "–"
        precision = f"{100 * right[number] / said[number]:.1f} %" if said[number] else "–"
        count = f"{each:,.0f}" if true[number] % seeds == 0 else f"{each:,.1f}"
        rows.append((name, recall, precision, count))
    return Table(("Class", "Recall", "Precision", f"Test {run.item}s"), rows)


def _draw(
    run: Run,
    names: list[str],
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> Picture:
    path = run.figures / "confusion.png"
    size, seeds = len(names), len(run.result.outcomes)
    numbered = size <= _MOST_WITH_NUMBERS
    per_seed = counts.sum(1) / seeds
    cell = 0.5 if numbered else 0.27
    with drawing(path, cell * size + 1.9, max(cell * size + 1.8, 4.4)) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(100 * shares, cmap=MATRIX_MAP, vmin=0, vmax=100)
        rows = [f"{wrapped(n, 20)} ({c:,.0f})" for n, c in zip(names, per_seed, strict=True)]
        axes.set_xticks(range(size), [wrapped(name, 20) for name in names])
        axes.set_yticks(range(size), rows)
        axes.tick_params(axis="x", rotation=40 if size > 2 else 0, length=0, labelsize=9)
        axes.tick_params(axis="y", length=0, labelsize=9)
        if size > 2:
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor", va="top")
        axes.set(xlabel="predicted class", ylabel=f"true class (test {run.item}s)")
        axes.grid(False)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        if numbered:
            for (i, j), share in np.ndenumerate(shares):
                ink = "white" if share > 0.55 else "#1d2733" if counts[i, j] else "#aeb7c0"
                weight = "bold" if i == j else "normal"
                text = f"{100 * share:.0f}" if counts[i, j] else "0"
                axes.text(j, i, text, ha="center", va="center", color=ink, weight=weight)
        if not numbered:
            figure.colorbar(image, ax=axes, shrink=0.75, aspect=24, pad=0.03)
        axes.set_title("Share of each true class (%)")
    write_csv(
        path.with_suffix(".csv"),
        [
            {"true_class": name} | dict(zip(names, row, strict=True))
            for name, row in zip(names, counts.tolist(), strict=True)
        ],
    )
    recalls = ", ".join(f"{n} {100 * shares[i, i]:.0f} %" for i, n in enumerate(names[:12]))
    alt = f"Confusion matrix of {plural(size, 'class')[:-1] + 'es'}; on the diagonal: {recalls}."
    return Picture(path, alt)
