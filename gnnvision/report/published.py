"""Comparison of a run with published results."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from gnnvision.data.card import PaperFigure
from gnnvision.explain import leaf_layers
from gnnvision.layers import Convolution
from gnnvision.models import network_name
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import amount, metric_name, plural, scale
from gnnvision.training import Result
from gnnvision.training.measures import rank, spread

__all__ = ["compare", "find_paper", "incomparable", "lookup_name", "published"]


def lookup_name(model: nn.Module) -> str:
    """The name by which a network is found among published results, such as "GCN".

    It is the name that the network was registered under, else that of its only kind of
    convolution; empty if it has neither.
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
    """The published result for the split and metric of a run, and whether its network is the same.

    If there are several, that of the same network, else the best.
    """
    task = result.task
    listed = [
        paper
        for paper in task.card.paper
        if paper.split == task.split_name and paper.metric == result.metric
    ]
    name = _plain(lookup_name(result.model))
    for paper in listed:
        if name and _plain(paper.model) == name:
            return paper, True
    if not listed:
        return None, False
    best = max if result.higher_is_better else min
    return best(listed, key=lambda paper: paper.value), False


def incomparable(result: Result, paper: PaperFigure) -> str:
    """The reason why a run cannot be compared with a published result; empty if it can be.

    Results are comparable if metric, split and protocol are the same: all folds of a
    cross-validation, more than one random split, the mean over the same targets.
    """
    task, metric = result.task, result.metric
    if paper.metric != metric:
        return f"it is another metric, {metric_name(paper.metric)}"
    if paper.split != task.split_name:
        return f"it is for another split, “{paper.split}”"
    if paper.incomparable:
        return paper.incomparable
    undefined = sum(map(math.isnan, result.values("test", metric)))
    if undefined:
        count = len(result.outcomes)
        where = f" for {undefined} of {count} seeds" if count > 1 else ""
        return f"the result of this run is undefined{where}"
    if partial := next(
        (why for o in result.outcomes if (why := o.remarks.get("test", {}).get(metric))), ""
    ):
        return f"the result of this run is {partial}"
    sizes = {outcome.split_hash: len(outcome.target) for outcome in result.outcomes}
    tested, there = sum(sizes.values()), sum(task.split.sizes.values())
    if paper.folds is not None and (len(sizes) != paper.folds or tested != there):
        here = plural(len(sizes), "fold")
        return (
            f"it is the mean over {paper.folds} folds, and this run tested {here} with "
            f"{tested:,} of {there:,} items. Use {paper.folds} seeds, one for each fold"
        )
    is_random = task.split_name in ("random", "stratified")
    if is_random and len(sizes) < 2:
        return "it is the mean over several random splits, and this run used one. Use more seeds"
    return ""


def compare(figures: dict[str, Any], seeds: int, paper: PaperFigure, metric: str) -> str:
    """The difference to a published result, compared with the spread over the seeds."""
    factor = scale(metric)
    difference = figures["mean"] - paper.value
    size = factor * abs(difference)
    unit = " points" if factor == 100 else ""
    digits = 1 if factor == 100 else 3
    value = amount(metric, paper.value)
    if round(size, digits) == 0:
        text = f"This run agrees with the published {value}"
    else:
        side = "above" if difference > 0 else "below"
        text = f"This run is {size:.{digits}f}{unit} {side} the published {value}"
    if seeds == 1:
        return f"{text}. One seed does not show how much results vary between seeds."
    std = figures["std"]
    if std is None:
        return f"{text}. The spread over the seeds is undefined."
    if abs(difference) <= std:
        meaning = "within one standard deviation of the seeds"
    elif abs(difference) <= 2 * std:
        meaning = "within two standard deviations of the seeds"
    else:
        meaning = "more than two standard deviations of the seeds"
    return f"{text}: {meaning}."


def published(run: Run) -> Section | None:
    """The section of published results; None if there is only one or none."""
    result = run.result
    metric, mean = result.metric, spread(result.values("test", result.metric))["mean"]
    listed = [paper for paper in result.task.card.paper if paper.metric == metric]
    if len(listed) < 2:
        return None
    rows = []
    for paper in listed:
        why = incomparable(result, paper)
        other = paper.split != result.task.split_name  # as the column before says
        source = f"{paper.source} – not comparable{'' if other else f': {why}'}."
        source = source if why else paper.source
        rows.append((paper.model, paper.split, source, amount(metric, paper.value)))
    rows.append(
        (
            f"this run: {network_name(result.model)}",
            result.task.split_name,
            "",
            amount(metric, mean),
        )
    )
    best_first = result.higher_is_better
    values = [*(paper.value for paper in listed), mean]
    keys = [rank(value, 0.0, best_first) for value in values]  # an undefined one comes last
    order = sorted(range(len(rows)), key=lambda n: keys[n], reverse=True)
    table = Table(
        ("Network", "Split", "Source", f"Test {metric_name(metric)}"),
        [rows[number] for number in order],
        3,
    )
    lead = f"This run and the published results for {result.task.card.title}, the best first."
    note = (
        "Only results for the same split are comparable: another split has other training and "
        f"test {run.item}s. Whether a published result was selected on the test split is not "
        "known."
    )
    return Section("Comparison with published results", lead, (), [table], note, wide=True)


def _plain(name: str) -> str:
    """A name without its capitals, spaces and hyphens."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
