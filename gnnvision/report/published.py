"""The published figure to compare a run with."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from gnnvision.data.card import PaperFigure
from gnnvision.explain.trace import leaf_layers
from gnnvision.layers import Convolution
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import amount, metric_name, plural, scale
from gnnvision.training import Result
from gnnvision.training.measures import rank, spread

__all__ = ["compare", "find_paper", "incomparable", "model_name", "published"]


def model_name(model: nn.Module) -> str:
    """The name a network was registered under, or that of its only kind of convolution, as "GCN".

    Empty where it has neither.
    """
    spec = getattr(model, "spec", None)
    if spec:
        arguments = spec["arguments"]
        return str(arguments["name"] if spec["name"] == "torchvision_network" else spec["name"])
    kinds = {
        type(module).__name__ if isinstance(module, Convolution) else ""
        for _, module in leaf_layers(model)
        if any(True for _ in module.parameters())
    }
    return kinds.pop().removesuffix("Conv") if len(kinds) == 1 else ""


def find_paper(result: Result) -> tuple[PaperFigure | None, bool]:
    """The published figure for this split and metric, and whether it is for this network.

    The one for this network if there is one, else the best.
    """
    task = result.task
    held = [
        paper
        for paper in task.card.paper
        if paper.split == task.split_name and paper.metric == result.metric
    ]
    name = _plain(model_name(result.model))
    for paper in held:
        if name and _plain(paper.model) == name:
            return paper, True
    if not held:
        return None, False
    best = max if result.higher_is_better else min
    return best(held, key=lambda paper: paper.value), False


def incomparable(result: Result, paper: PaperFigure) -> str:
    """Why this run cannot be compared with a published figure; empty where it can.

    Only figures of one metric, split and protocol are: all folds of a cross-validation, more
    than one draw of a random split, the mean over as many targets.
    """
    task, metric = result.task, result.metric
    if paper.metric != metric:
        return f"it is another metric, {metric_name(paper.metric)}"
    if paper.split != task.split_name:
        return f"it is of another split, “{paper.split}”"
    if paper.incomparable:
        return paper.incomparable
    undefined = sum(map(math.isnan, result.values("test", metric)))
    if undefined:
        count = len(result.outcomes)
        return (
            f"this run's is undefined{f' for {undefined} of {count} seeds' if count > 1 else ''}"
        )
    if partial := next(
        (why for o in result.outcomes if (why := o.remarks.get("test", {}).get(metric))), ""
    ):
        return f"this run's is {partial}"
    sizes = {outcome.split_hash: len(outcome.target) for outcome in result.outcomes}
    tested, there = sum(sizes.values()), sum(task.split.sizes.values())
    if paper.folds is not None and (len(sizes) != paper.folds or tested != there):
        here = plural(len(sizes), "fold")
        return (
            f"it is the mean over {paper.folds} folds, and this run tested {here} with "
            f"{tested:,} of {there:,} items. Use {paper.folds} seeds, one for each fold"
        )
    drawn = task.split_name in ("random", "stratified")
    if drawn and len(sizes) < 2:
        return "it is the mean over several random splits, and this run drew one. Use more seeds"
    return ""


def compare(figures: dict[str, Any], seeds: int, paper: PaperFigure, metric: str) -> str:
    """The difference to a published figure, and what it means beside the spread."""
    factor = scale(metric)
    difference = figures["mean"] - paper.value
    size = factor * abs(difference)
    unit = " points" if factor == 100 else ""
    digits = 1 if factor == 100 else 3
    value = amount(metric, paper.value)
    if round(size, digits) == 0:
        said = f"This run agrees with the published {value}"
    else:
        side = "above" if difference > 0 else "below"
        said = f"This run is {size:.{digits}f}{unit} {side} the published {value}"
    if seeds == 1:
        return f"{said}; how far single seeds scatter is not known from one."
    std = figures["std"]
    if std is None:
        return f"{said}; how far the seeds scatter is not known."
    if abs(difference) <= std:
        meaning = "within one standard deviation of the seeds"
    elif abs(difference) <= 2 * std:
        meaning = "within two standard deviations of the seeds"
    else:
        meaning = "further off than two standard deviations of the seeds"
    return f"{said}: {meaning}."


def published(run: Run) -> Section | None:
    """The section of what others have reached; None where there is no more than one figure."""
    result = run.result
    metric, mean = result.metric, spread(result.values("test", result.metric))["mean"]
    held = [paper for paper in result.task.card.paper if paper.metric == metric]
    if len(held) < 2:
        return None
    rows = []
    for paper in held:
        why = incomparable(result, paper)
        other = paper.split != result.task.split_name  # which the column before says
        source = f"{paper.source} – not comparable{'' if other else f': {why}'}."
        source = source if why else paper.source
        rows.append((paper.model, paper.split, source, amount(metric, paper.value)))
    own = model_name(result.model) or type(result.model).__name__
    rows.append((f"this run: {own}", result.task.split_name, "", amount(metric, mean)))
    best_first = result.higher_is_better
    values = [*(paper.value for paper in held), mean]
    keys = [rank(value, 0.0, best_first) for value in values]  # an undefined one comes last
    order = sorted(range(len(rows)), key=lambda n: keys[n], reverse=True)
    table = Table(
        ("Network", "Split", "Source", f"Test {metric_name(metric)}"),
        [rows[number] for number in order],
        3,
    )
    lead = f"This run among the published figures for {result.task.card.title}, the best first."
    note = (
        "Only figures of one split can be compared: another one trains on more pictures or tests "
        "on others. What others chose by looking at the test part is not known."
    ).replace("pictures", f"{run.item}s")
    return Section("Beside published results", lead, (), [table], note, wide=True)


def _plain(name: str) -> str:
    """A name without its capitals, spaces and hyphens."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
