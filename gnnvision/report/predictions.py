"""The predictions of the kept model for all graphs or molecules, and their errors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data import GraphTask
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating
from gnnvision.training import Result
from gnnvision.training.objective import to_predictions

__all__ = ["errors", "predict_all", "test_items", "unit"]

_AT_ONCE = 512


def predict_all(result: Result) -> Tensor | None:
    """The predictions for all graphs; None for a task on anything else.

    Returns:
        Values of a regression, else probabilities. Shape (G, num_outputs), NaN for a graph without
        nodes.
    """
    task, model = result.task, result.model
    if not isinstance(task, GraphTask):
        return None
    there = next((p.device for p in model.parameters()), task.y.device)
    task = task.to(there)
    good = (task.graphs.offsets.diff() > 0).nonzero().squeeze(1)
    out = torch.full((task.graphs.num_graphs, task.num_outputs), torch.nan)
    with evaluating(model), torch.no_grad():
        for members in good.split(_AT_ONCE):
            x = task.x[task.graphs.member_nodes(members)]
            output = call(model, x, task.graphs.select(members)).float()
            out[members.cpu()] = to_predictions(task.kind, output).cpu()
    return out


def test_items(task: GraphTask) -> NDArray[np.int64]:
    """The indices of the test items."""
    return np.array(task.split.test, dtype=np.int64)


def errors(task: GraphTask, predicted: Tensor) -> NDArray[np.float64]:
    """The error of each prediction: |value - target|, or 1 - probability of the true class.

    Args:
        task: the data.
        predicted: what `predict_all` returned.

    Returns:
        Shape (G, num_outputs), or (G, 1) for classes; NaN where a target is missing.
    """
    y = task.y.cpu()
    if task.kind == "classification":
        chance = predicted.gather(1, y.clamp(min=0)[:, None]).double()
        off = torch.where((y >= 0)[:, None], 1 - chance, torch.nan)
    else:
        off = (predicted - y).double().abs()
    return np.asarray(off.numpy())


def unit(task: GraphTask) -> str:
    """The unit of the targets; empty if it is unknown."""
    return str(task.card.facts.get("unit", ""))
