"""Python code for the report: load the data, build the network, evaluate it, predict."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from gnnvision.data import (
    Augment,
    Featurizer,
    GraphTask,
    ImageTask,
    LinkTask,
    NodeTask,
    ReconstructionTask,
)
from gnnvision.report.images import image_task
from gnnvision.report.words import amount, metric_name
from gnnvision.training import Result

__all__ = ["build_line", "evaluate_lines", "evaluated_metric", "load_lines", "predict_lines"]


def load_lines(result: Result, training: bool = True) -> list[str]:
    """The lines that load the data of a run with the same options.

    Args:
        result: of the run.
        training: whether to augment the images as in training; else only their size is set.
    """
    task, source = result.task, image_task(result.task)
    given = dict(task.origin)
    name = given.pop("name", None)
    options = "".join(f", {key}={_code(value)}" for key, value in given.items())
    lines = [f"task = gv.data.load({name!r}{options})"]
    if name is None and isinstance(task, NodeTask | LinkTask) and result.folder is not None:
        lines = [f"task = gv.load_run({os.path.abspath(result.folder)!r}).task"]
    elif name is None:
        lines = ["task = ...  # the data that was passed to fit"]
    if source is not None and source.augment is not None and (training or source.augment.size):
        lines.append(f"task = task.with_augment({_code(source.augment)})")
    if source is not None and training and source.test_views != "none":
        lines.append(f"task = task.with_test_views({source.test_views!r})")
    if isinstance(task, ReconstructionTask):
        lines.append("task = task.reconstruction()")
    return lines


def build_line(result: Result) -> str:
    """The line that builds the network if it is one of `gnnvision.models`, else a placeholder."""
    spec = getattr(result.model, "spec", None)
    if not spec:
        return "model = ...  # the network that is printed below"
    given = ", ".join(f"{name}={value!r}" for name, value in spec["arguments"].items())
    return f"model = gv.models.build({spec['name']!r}, {given})"


def evaluated_metric(result: Result) -> str:
    """The metric that `evaluate_lines` print and its value; empty if nothing was tested."""
    best, metric = result.best, result.metric
    if metric not in best.metrics["test"]:
        return ""
    value = best.metrics["test"][metric]
    words = f"the test {metric_name(metric)} of the kept model, {amount(metric, value)}"
    if len(result.outcomes) > 1:
        words += f" (of seed {best.seed}; the result at the top is the mean over all seeds)"
    return words


def evaluate_lines(result: Result) -> str:
    """Lines that evaluate the kept network on the test split and print its metric."""
    assert result.folder is not None
    folder = os.path.abspath(result.folder)
    spec = getattr(result.model, "spec", None)
    lines = [
        "import gnnvision as gv",
        "from gnnvision.training import evaluate",
        "",
        *load_lines(result, training=False),
        *([] if spec else [build_line(result)]),
        f"metrics = evaluate({folder!r}, task{'' if spec else ', model'})",
        f"print(metrics[{result.metric!r}])",
    ]
    return "\n".join(lines)


def predict_lines(result: Result) -> str:
    """Lines that load the run and predict new inputs; empty for a network without a builder."""
    task = result.task
    if not getattr(result.model, "spec", None) or result.folder is None:
        return ""
    molecules = isinstance(task, GraphTask) and "featurizer" in task.input_description()
    if isinstance(task, ImageTask):
        inputs = '["photo.jpg"]'
    elif molecules:
        inputs = '["CCO", "c1ccccc1"]'
    elif isinstance(task, NodeTask | LinkTask):
        inputs = ""
    else:
        return ""
    folder = os.path.abspath(result.folder)
    lines = [
        "import gnnvision as gv",
        "",
        f"run = gv.load_run({folder!r})",
        f"print(run.predict({inputs}))  # also embed and explain; to_csv writes the table",
    ]
    return "\n".join(lines)


def _code(value: Any) -> str:  # noqa: ANN401
    """The Python expression of an option."""
    if isinstance(value, Augment):
        settings = value.to_dict().items()
        return f"gv.data.Augment({', '.join(f'{key}={each!r}' for key, each in settings)})"
    if isinstance(value, Featurizer):
        held = {f.name: (getattr(value, f.name), f.default) for f in fields(value)}
        changed = [f"{key}={each!r}" for key, (each, usual) in held.items() if each != usual]
        return f"gv.data.Featurizer({', '.join(changed)})"
    if isinstance(value, os.PathLike):
        return repr(os.path.abspath(value))
    return repr(value)
