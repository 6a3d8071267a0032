"""The task that the flags name, of the kind that a script needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gnnvision import data
from gnnvision.cli.options import Options
from gnnvision.errors import invalid

__all__ = ["Loaded", "images", "load", "molecules", "nodes"]

T = TypeVar("T", bound=data.Task)

_KINDS = {
    "image": (
        "a dataset of images",
        "Choose cifar10, fashion_mnist, mnist, digits, or a folder of images.",
    ),
    "graph": (
        "a dataset of molecules or graphs",
        "Choose esol, tox21, hiv, mutag or another one, or give a table with --csv.",
    ),
    "node": (
        "one graph with node labels",
        "Choose cora, citeseer, pubmed, karate or stdlib.",
    ),
}


@dataclass(frozen=True)
class Loaded:
    """A task as the command line asked for it.

    Args:
        task: the dataset with its split.
        seconds: how long loading took.
        preferred: the dataset that "auto" tries first.
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
        preferred: the dataset that "auto" tries first.
        **options: further ones of `gnnvision.data.load`.

    Raises:
        ValueError: if it is unknown or of another kind; the message names the flag.
        FileNotFoundError: if the file or folder does not exist; the message names the flag.
    """
    started = time.perf_counter()
    if config.data_root is not None:
        data.data_root(config.data_root)  # a folder that is named must exist, needed or not
    source = config.source(preferred)
    _refuse_other_kind(source, preferred)
    try:
        task = data.load(source, **config.data_options() | options)
    except (ValueError, FileNotFoundError) as error:
        argument, quote, rest = str(error).partition("' must ")
        if argument not in ("'name", "'path") or type(error) not in (
            ValueError,
            FileNotFoundError,
        ):
            raise
        raise type(error)(f"'--dataset{quote}{rest}") from error
    return Loaded(task, time.perf_counter() - started, preferred)


def images(loaded: Loaded) -> data.ImageTask:
    """The task, which must be one on images.

    Raises:
        ValueError: if it is not.
    """
    return _of_kind(loaded, data.ImageTask, "image")


def molecules(loaded: Loaded) -> data.GraphTask:
    """The task, which must have molecules or other graphs, with a target for each.

    Raises:
        ValueError: if it has not.
    """
    return _of_kind(loaded, data.GraphTask, "graph")


def nodes(loaded: Loaded) -> data.NodeTask:
    """The task, which must be on the nodes of one graph.

    Raises:
        ValueError: if it is not.
    """
    return _of_kind(loaded, data.NodeTask, "node")


def _of_kind(loaded: Loaded, task_type: type[T], kind: str) -> T:
    if not isinstance(loaded.task, task_type):
        raise _other_kind(kind, loaded.task.name)
    return loaded.task


def _other_kind(kind: str, name: str) -> ValueError:
    wanted, advice = _KINDS[kind]
    return invalid("--dataset", f"be {wanted}", repr(name), advice)


def _refuse_other_kind(name: object, preferred: str) -> None:
    """Refuse a dataset of another kind before it is downloaded and read."""
    try:
        kinds = [data.describe(str(one)).kind for one in (name, preferred)]
    except ValueError:  # not the name of one: `load` finds out what it is
        return
    found, wanted = ("graph" if kind == "molecule" else kind for kind in kinds)
    if found != wanted:
        raise _other_kind(wanted, str(name))
