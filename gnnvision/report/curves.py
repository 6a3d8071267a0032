"""Training curves: loss and metric against the epoch, over all seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.images import image_task, test_views
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.style import (
    MUTED,
    NARROW,
    TEST_COLOR,
    TRAIN_COLOR,
    VAL_COLOR,
    drawing,
    legend_below,
)
from gnnvision.report.words import amount, capitalized, metric_label, metric_name, scale
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import SPLIT_NAMES, UNDEFINED, format_number
from gnnvision.training.result import Outcome

__all__ = ["curves"]

_SPLITS = (
    ("train", "training", TRAIN_COLOR),
    ("val", "validation", VAL_COLOR),
    ("test", "test (only drawn)", TEST_COLOR),
)


def curves(run: Run) -> Section | None:
    """The section of the training curves; None if a history is missing."""
    result = run.result
    if not all(outcome.history for outcome in result.outcomes):
        return None
    seeds = len(result.outcomes)
    names = [name for name in ("loss", result.metric) if f"train_{name}" in _keys(result.outcomes)]
    figures = [_draw(run, name) for name in names]
    lead = "Loss and metric in each epoch. The dotted line marks the epoch whose weights were kept"
    lead += f" (the median over the {seeds} seeds)." if seeds > 1 else "."
    validated = any(key.startswith("val_") for key in _keys(result.outcomes))
    drops = any("Dropout" in type(module).__name__ for module in result.model.modules())
    on, off = (" and with dropout on", " with dropout off") if drops else ("", "")
    measured = f"Training values are measured while the weights change{on}"
    note = (
        f"{measured}; validation values after each epoch{off}, so they may look better. "
        if validated
        else f"{measured}. There is no validation split: the last epoch was kept. "
    )
    if result.recipe.is_sampled and validated:
        note += (
            "In an epoch both are of a part of the graph that is drawn at random, the same one of "
            "the validation split in each; the metrics at the end use all neighbors. "
        )
    task = image_task(result.task)
    if task is not None and task.augment is not None:
        note += "Training values are those of augmented images, which are harder. "
    note += "The losses in this report exclude weight decay"
    if result.recipe.label_smoothing:
        note += (
            f" and label smoothing ({result.recipe.label_smoothing:g}), which were trained with"
        )
    if result.recipe.evaluate_every is None:
        note += ". The test split is evaluated once, after training."
    else:
        note += ". The test curve is only drawn: no epoch, seed or setting was selected by it."
    if result.recipe.ema_decay or result.recipe.ema_span:
        note += (
            " Training values are those of the weights themselves; validation values and the "
            "results at the top are those of their exponential moving average (EMA)."
        )
    if result.recipe.progressive_resizing:
        share = 100 * sum(fraction for fraction, _ in result.recipe.resizing)
        note += f" The training images are smaller in the first {share:.0f} % of the epochs."
    if result.recipe.freeze_first_block:
        share = 100 * result.recipe.freeze_first_block
        note += f" The first block is not trained in the last {share:.0f} % of the epochs."
    if views := test_views(result.task):
        note += (
            f" The curves are measured without test-time augmentation; the results at the top are "
            f"the mean over {views}, so a curve may end below them."
        )
    if stages := result.best.stages[1:]:
        steps = "; ".join(f"from epoch {epoch} {what}" for epoch, what in stages)
        first = result.best.stages[0][1]
        note += (
            f" Fine-tuning has stages: {first} is trained first; {steps}. Dashed lines mark where "
            "a stage begins with its own learning rate; a jump there is normal."
        )
    if seeds > 1:
        note += " Bands span the 10th to the 90th percentile of the seeds (p10–p90)."
    if len({outcome.epochs for outcome in result.outcomes}) > 1:
        note += (
            " Seeds stopped at different epochs; the curves end where fewer than half still ran."
        )
    rows = result.best.steps
    tables = [_steps_table(rows)] if rows else []
    figures += [_draw_steps(run, rows, name) for name in ("loss", result.metric) if rows]
    return Section("Training curves", lead, figures, tables, note, wide=bool(rows))


def _steps_table(steps: list[dict[str, float]]) -> Table:
    """What `Recipe.evaluate_every` measured, of the best seed."""
    keys = [key for key in steps[0] if key not in ("step", "epoch")]
    names = [key.partition("_")[::2] for key in keys]
    heads = [capitalized(f"{SPLIT_NAMES[part]} {metric_name(metric)}") for part, metric in names]
    rows = [
        [
            f"{int(row['step']):,}",
            *(amount(metric, row[f"{part}_{metric}"]) for part, metric in names),
        ]
        for row in steps
    ]
    return Table(["Iteration", *heads], rows, 0, is_open=True)


def _draw_steps(run: Run, steps: list[dict[str, float]], name: str) -> Figure:
    """Loss or score against the training step, of the best seed."""
    path, factor = run.figures / f"curve_steps_{name}.svg", scale(name)
    with drawing(path, 3.2, NARROW) as figure:
        axes = figure.add_subplot()
        for split, word, color in _SPLITS:
            held = [(row["step"], factor * row[f"{split}_{name}"]) for row in steps
                    if f"{split}_{name}" in row]  # fmt: skip
            if held:
                axes.plot(*zip(*held, strict=True), color=color, label=word, marker="o", ms=4)
        axes.set(xlabel="Iteration", ylabel=capitalized(metric_label(name, run.unit)))
        axes.set_title(capitalized(f"{metric_name(name)} while training"))
        axes.margins(x=0.02)
        if name == "loss":
            axes.set_ylim(bottom=0)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(path.with_suffix(".csv"), steps)
    return Figure(path, f"Line plot of the {metric_name(name)} against the training step.")


def over_seeds(outcomes: list[Outcome], key: str) -> NDArray[np.float64]:
    """One row a seed, one column an epoch, NaN after a seed stopped.

    Epochs in which fewer than half of the seeds still ran are left out.
    """
    lengths = np.array([len(outcome.history) for outcome in outcomes])
    table = np.full((len(outcomes), lengths.max()), math.nan)
    for row, outcome in zip(table, outcomes, strict=True):
        values = [epoch.get(key, math.nan) for epoch in outcome.history]
        row[: len(values)] = values
    running = (lengths[:, None] > np.arange(lengths.max())).sum(0)
    return table[:, running >= max(1, len(outcomes) / 2)]


def _each_epoch(
    table: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], Any]
) -> NDArray[np.float64]:
    """A statistic of each column; NaN where no seed has a value."""
    held = ~np.isnan(table).all(0)
    out = np.full(table.shape[1], math.nan)
    if held.any():
        out[held] = statistic(table[:, held])
    return out


def _keys(outcomes: list[Outcome]) -> set[str]:
    return set(outcomes[0].history[0])


def _draw(run: Run, name: str) -> Figure:
    result, path = run.result, run.figures / f"curve_{name}.svg"
    seeds, factor = len(result.outcomes), scale(name)
    kept = statistics.median(outcome.best_epoch for outcome in result.outcomes)
    rows: dict[int, dict[str, float]] = {}
    ends = []
    with drawing(path, 3.5, NARROW) as figure:
        axes = figure.add_subplot()
        for split, word, color in _SPLITS:
            if f"{split}_{name}" not in _keys(result.outcomes):
                continue
            table = over_seeds(result.outcomes, f"{split}_{name}")
            epochs = np.arange(1, table.shape[1] + 1)
            if np.isnan(table).all():
                ends.append(f"{word} {name} is {UNDEFINED}")
                continue
            mean = _each_epoch(table, lambda held: np.nanmean(held, 0))
            low, high = (
                _each_epoch(table, partial(np.nanpercentile, q=q, axis=0)) for q in (10, 90)
            )
            dot = "o" if len(epochs) == 1 else ""
            label = f"{word}, mean" if seeds > 1 else word
            axes.plot(epochs, factor * mean, color=color, label=label, marker=dot)
            if seeds > 1:
                band = f"{word}, p10–p90"
                axes.fill_between(
                    epochs, factor * low, factor * high, color=color, alpha=0.18, lw=0, label=band
                )
            for epoch, *values in zip(epochs.tolist(), mean, low, high, strict=True):
                keys = (f"{split}_{kind}" for kind in ("mean", "p10", "p90"))
                held = rows.setdefault(epoch, {"epoch": epoch})
                held |= dict(zip(keys, map(float, values), strict=True))
            ends.append(f"{word} {name} ends at {format_number(factor * mean[-1], 3)}")
        for epoch, _ in result.best.stages[1:]:
            axes.axvline(epoch - 0.5, color=MUTED, ls="--", lw=1.2, label="start of a stage")
        axes.axvline(kept, color=MUTED, ls=":", lw=1.4, label=f"kept: epoch {kept:g}")
        axes.set(xlabel="Epoch", ylabel=capitalized(metric_label(name, run.unit)))
        axes.set_title(capitalized(metric_name(name)))
        axes.margins(x=0.02)
        if name == "loss":
            axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    full = {key: "" for row in rows.values() for key in row}
    write_csv(path.with_suffix(".csv"), [full | row for row in rows.values()])
    alt = f"Line plot of the {metric_name(name)} against the epoch: {'; '.join(ends)}."
    return Figure(path, alt)
