"""The metrics of the kept network of a finished run, computed again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gnnvision.data import ImageTask, NodeTask, ReconstructionTask, Split, SplitName, Task
from gnnvision.domains import StoredGraph
from gnnvision.errors import invalid
from gnnvision.layers.calling import caller
from gnnvision.layers.hooks import evaluating
from gnnvision.training.by_layer import outputs_by_layer
from gnnvision.training.objective import Loss, Metric, objective
from gnnvision.training.recipe import Recipe
from gnnvision.training.seed_run import arithmetic
from gnnvision.training.stored import read_trained
from gnnvision.training.stored_network import build_network, find_checkpoint, with_weights

__all__ = ["evaluate", "task_of_run"]


def evaluate(
    path: str | os.PathLike[str],
    task: Task,
    model: nn.Module | None = None,
    *,
    part: SplitName = "test",
    device: str = "cpu",
    loss: Loss | None = None,
    metric: str | Metric | None = None,
) -> dict[str, float]:
    """The metrics of the kept network of a run, as the run itself computed them at its end.

    The split, the normalization, the test views and the precision are those of the run, even if
    the task has others.

    Args:
        path: the run folder, or its checkpoint.
        task: the data of the run, loaded with the same options.
        model: the network, if it is not one of `gnnvision.models`; the weights are loaded into
            it.
        part: the split to evaluate on: "train", "val" or "test".
        device: where to run the network.
        loss: the loss of your own of the run, if it had one.
        metric: the metric of the run, if it was given one.

    Returns:
        Metric -> value; NaN where one is undefined.

    Raises:
        ValueError: if there is no checkpoint of a finished run, or the task has other data or is
            of another kind.

    Example:
        >>> evaluate("runs/gcn_cora/STAMP", gv.data.load("cora"))["accuracy"]  # doctest: +SKIP
        0.815
    """
    file = find_checkpoint(path)
    checkpoint = read_trained(file)
    task = task_of_run(task, checkpoint.state).to(device)
    if model is None:
        model = build_network(checkpoint, file)
    else:
        with_weights(model, checkpoint, file)
    model = model.to(device)
    recipe = Recipe.from_dict(checkpoint.state.get("recipe", {}))
    goal, call = objective(task, recipe, loss, metric), caller(model)
    outputs, targets = [], []
    precision = checkpoint.state["precision"]
    if isinstance(task, NodeTask) and isinstance(task.graph, StoredGraph):
        nodes = task.known(part)
        found = outputs_by_layer(model, task.rows, task.graph, nodes, device=device)
        output, target = goal.known(found.float(), task.y[nodes])
        return goal.metrics(output, target) if len(nodes) else dict.fromkeys(goal.names, torch.nan)
    with evaluating(model), torch.no_grad(), arithmetic(torch.device(device), precision):
        for x, domain, y in task.batches(part):
            output, target = goal.known(task.predict(call, x, domain), y)
            outputs.append(output.float())
            targets.append(target)
    if not outputs:
        return dict.fromkeys(goal.names, torch.nan)
    return goal.metrics(torch.cat(outputs), torch.cat(targets))


def task_of_run(task: Task, about: Mapping[str, Any]) -> Task:
    """The task with the split, the normalization and the test views of the run.

    Args:
        task: the data of the run, loaded with the same options.
        about: the description of the run in its checkpoint.

    Raises:
        ValueError: if the run is unfinished, or the task has other data or is of another kind.
    """
    if "split" not in about:
        raise invalid(
            "path", "be a finished run", "the checkpoint of an unfinished run", "Resume it first."
        )
    # Checkpoints of early versions do not have the hash of their data.
    for name, here in (("kind", task.kind), ("data_hash", task.data_hash)):
        if about.get(name, here) != here:
            raise invalid(
                "task",
                f"have the {name} of the run, {str(about[name])[:12]}",
                here[:12],
                "Load it with the options of the run; its report lists them.",
            )
    held = about["split"]
    if "train" not in held and "hash" in held:  # of a graph on disk
        return _with_split_of(task, held.get("hash", ""), about.get("seed", 0))
    rows = (held.get(part, ()) for part in ("train", "val", "test"))
    split = Split(held.get("name", task.split.name), *rows)
    if isinstance(task, ReconstructionTask):
        return ReconstructionTask.of(_normalized(task.source, split, about["input"]))
    if isinstance(task, ImageTask):
        return _normalized(task, split, about["input"])
    return replace(task, split=split)


def _with_split_of(task: Task, wanted: str, seed: int) -> Task:
    """The task with the split of this hash: its own, or the random one of a seed."""
    for found in (task, task.with_seed(seed)):
        if found.split.hash == wanted:
            return found
    advice = "Load it with the options of the run; its report lists them."
    raise invalid("task", "have the split of the run", "another one", advice)


def _normalized(task: ImageTask, split: Split, given: Mapping[str, Any]) -> ImageTask:
    if "mean" not in given:  # in early checkpoints of autoencoders
        return replace(task, split=split)
    mean, std = tuple(given["mean"]), tuple(given["std"])
    views = given.get("test_views", "none")
    return replace(task, split=split, mean=mean, std=std, test_views=views)
