"""The published figure to compare a run with."""

from __future__ import annotations

from typing import Any

from torch import nn

from gnnvision.data.card import PaperFigure
from gnnvision.layers import Convolution
from gnnvision.report.observe import units
from gnnvision.report.words import amount, scale
from gnnvision.training import Result

__all__ = ["compare", "find_paper", "model_name"]


def model_name(model: nn.Module) -> str:
    """For a network of nothing but one kind of convolution its name, as "GCN"; else empty."""
    kinds = {
        type(module).__name__ if isinstance(module, Convolution) else ""
        for _, module in units(model)
        if any(True for _ in module.parameters())
    }
    return kinds.pop().removesuffix("Conv") if len(kinds) == 1 else ""


def find_paper(result: Result) -> tuple[PaperFigure | None, bool]:
    """The published figure for this split and metric, and whether it is for this network."""
    task = result.task
    held = [
        paper
        for paper in task.card.paper
        if paper.split == task.split_name and paper.metric == result.metric
    ]
    name = model_name(result.model)
    for paper in held:
        if paper.model.casefold() == name.casefold():
            return paper, True
    return (held[0], False) if held else (None, False)


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
    spread = figures["std"]
    if abs(difference) <= spread:
        meaning = "within one standard deviation of the seeds"
    elif abs(difference) <= 2 * spread:
        meaning = "within two standard deviations of the seeds"
    else:
        meaning = "further off than two standard deviations of the seeds"
    return f"{said}: {meaning}."
