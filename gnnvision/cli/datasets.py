"""The kind of data that a script needs."""

from __future__ import annotations

from typing import TypeVar

from gnnvision import data
from gnnvision.errors import invalid

__all__ = ["grayscale", "images", "molecules", "nodes", "refuse_other_kind", "regression"]

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
        "Choose cora, citeseer, pubmed, karate or stdlib, or the table of your own nodes.",
    ),
}


def images(task: data.Task) -> data.ImageTask:
    """The task, which must be one on images.

    Args:
        task: any task.

    Raises:
        ValueError: if it is not.
    """
    return _of_kind(task, data.ImageTask, "image")


def grayscale(task: data.Task) -> data.ImageTask:
    """The task, which must be one on images of one channel.

    Args:
        task: any task.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(task, data.ImageTask) or task.in_channels != 1:
        advice = "Use for example fashion_mnist, mnist or digits."
        raise invalid("--dataset", "have images of one channel", repr(task.name), advice)
    return task


def molecules(task: data.Task) -> data.GraphTask:
    """The task, which must have molecules or other graphs, with a target for each.

    Args:
        task: any task.

    Raises:
        ValueError: if it has not.
    """
    return _of_kind(task, data.GraphTask, "graph")


def nodes(task: data.Task) -> data.NodeTask:
    """The task, which must be on the nodes of one graph.

    Args:
        task: any task.

    Raises:
        ValueError: if it is not.
    """
    return _of_kind(task, data.NodeTask, "node")


def regression(task: data.Task) -> data.MoleculeTask:
    """The task, which must be molecules with measured numbers.

    Args:
        task: any task.

    Raises:
        ValueError: if it is not.
    """
    molecules(task)
    if not isinstance(task, data.MoleculeTask) or task.kind != "regression":
        raise invalid(
            "--dataset", "be molecules with measured numbers", repr(task.name),
            "Choose esol, freesolv or lipophilicity, or give a table with --csv.",
        )  # fmt: skip
    return task


def refuse_other_kind(name: object, preferred: str) -> None:
    """Refuse a dataset of another kind before it is downloaded and read.

    Args:
        name: the dataset; anything but the name of a built-in one is not refused.
        preferred: a dataset of the kind that is needed.

    Raises:
        ValueError: if it is of another kind.
    """
    try:
        kinds = [data.describe(str(one)).kind for one in (name, preferred)]
    except ValueError:  # not the name of one: `load` finds out what it is
        return
    found, wanted = ("graph" if kind == "molecule" else kind for kind in kinds)
    if found != wanted:
        raise _other_kind(wanted, str(name))


def _of_kind(task: data.Task, task_type: type[T], kind: str) -> T:
    if not isinstance(task, task_type):
        raise _other_kind(kind, task.name)
    return task


def _other_kind(kind: str, name: str) -> ValueError:
    wanted, advice = _KINDS[kind]
    return invalid("--dataset", f"be {wanted}", repr(name), advice)
