"""The task that a command line names, of the kind that a script is for."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from gnnvision import data
from gnnvision.cli.options import Options

__all__ = ["Loaded", "load", "molecules", "nodes", "pictures"]

_KINDS = {
    "image": "pictures, got {!r}. Choose cifar10, fashion_mnist, mnist, digits, or a folder of "
    "pictures.",
    "graph": "molecules or graphs, got {!r}. Choose esol, tox21, hiv, mutag or another one of "
    "them, or give a table with --csv.",
    "node": "one graph with labels of its nodes, got {!r}. Choose cora, citeseer, pubmed, karate "
    "or stdlib.",
}


@dataclass(frozen=True)
class Loaded:
    """A task as the command line asked for it.

    Args:
        task: what was loaded.
        seconds: how long that took.
        preferred: the data set that "auto" stands for.
    """

    task: data.Task
    seconds: float
    preferred: str

    def with_task(self, task: data.Task) -> Loaded:
        """The same with another form of the task: augmented, for example."""
        return replace(self, task=task)


def load(config: Options, preferred: str, **options: Any) -> Loaded:  # noqa: ANN401
    """The task that the flags name.

    Args:
        config: the flags.
        preferred: the data set that "auto" stands for, where it can be had.
        **options: more of those that `gnnvision.data.load` takes.
    """
    started = time.perf_counter()
    if config.data_root is not None:
        data.data_root(config.data_root)  # a folder that is named must be there, needed or not
    source = config.source(preferred)
    _refuse_other_kind(source, preferred)
    task = data.load(source, **config.data_options() | options)
    return Loaded(task, time.perf_counter() - started, preferred)


def pictures(loaded: Loaded) -> data.ImageTask:
    """The task, which must be one of pictures.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(loaded.task, data.ImageTask):
        raise _other_kind("image", loaded.task.name)
    return loaded.task


def molecules(loaded: Loaded) -> data.GraphTask:
    """The task, which must be one of molecules or other graphs, with a target for each.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(loaded.task, data.GraphTask):
        raise _other_kind("graph", loaded.task.name)
    return loaded.task


def nodes(loaded: Loaded) -> data.NodeTask:
    """The task, which must be one of the nodes of one graph.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(loaded.task, data.NodeTask):
        raise _other_kind("node", loaded.task.name)
    return loaded.task


def _other_kind(kind: str, name: str) -> ValueError:
    return ValueError(f"'--dataset' must be {_KINDS[kind].format(name)}")


def _refuse_other_kind(name: object, preferred: str) -> None:
    """Refuse a data set of another kind before it is fetched and read."""
    try:
        kinds = [data.describe(str(one)).kind for one in (name, preferred)]
    except ValueError:  # not the name of one: `load` knows what it is
        return
    found, wanted = ("graph" if kind == "molecule" else kind for kind in kinds)
    if found != wanted:
        raise _other_kind(wanted, str(name))
