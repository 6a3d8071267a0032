"""Loading a run: its description, its networks, and how its inputs are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from gnnvision import data
from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.runs.graphs import GraphReader
from gnnvision.runs.images import ImageReader
from gnnvision.runs.inputs import Reader
from gnnvision.runs.links import LinkReader
from gnnvision.runs.molecules import TRAINING, MoleculeReader
from gnnvision.runs.nodes import NodeReader
from gnnvision.runs.run import Run
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.devices import usable_device
from gnnvision.training.evaluate import task_of_run
from gnnvision.training.record import BEST
from gnnvision.training.stored import checkpoint_errors, read_trained
from gnnvision.training.stored_graph import GRAPH, read_graph_task
from gnnvision.training.stored_network import build_network, find_checkpoint, with_weights

__all__ = ["load_run"]


def load_run(
    path: str | os.PathLike[str], model: nn.Module | None = None, device: str = "auto"
) -> Run:
    """Load a run of any kind, to predict, to embed and to explain.

    Args:
        path: a run folder, its `checkpoints` folder, or one file in it. For a folder, the
            networks of all seeds if they were kept, which predict as an ensemble.
        model: the network, for a run whose network is not one of `gnnvision.models`; the weights
            are loaded into it.
        device: "cpu", "cuda" or "mps"; "auto" takes a GPU if there is one.

    Returns:
        The run.

    Raises:
        ValueError: if there is no checkpoint of a finished run, or its weights do not fit.

    Example:
        >>> run = load_run("runs/gcn_molecules/STAMP")  # doctest: +SKIP
        >>> print(run.predict(["CCO", "c1ccccc1"]))  # doctest: +SKIP
    """
    best = find_checkpoint(path)
    whole = Path(path).is_dir() and model is None
    files = sorted(best.parent.glob("seed-*.safetensors")) if whole else []
    read = [(read_trained(file), file) for file in files or [best]]
    about = read[0][0].state
    _check_finished(about, best)
    _check_same(read, about)
    where = usable_device(device)
    if model is not None:
        networks = [with_weights(model, *read[0])]
    else:
        networks = [build_network(*each) for each in read]
    networks = [network.to(where).eval() for network in networks]
    folder = best.parent.parent if (best.parent.parent / BEST).is_file() else None
    task = cache(lambda: _load_task(about, best))
    with checkpoint_errors(best):
        reader = _reader(about, where, task, networks[0], [held.state for held, _ in read])
        run = Run(about, networks, reader, task, where, folder)
    run._check(read[0][1])
    return run


def _check_finished(about: Mapping[str, Any], file: Path) -> None:
    if "kind" not in about or "input" not in about:
        got = f"{str(file)!r}, the checkpoint of an unfinished run"
        raise invalid("checkpoint", "be of a finished run", got, "Resume the run first.")


def _check_same(read: list[tuple[Checkpoint, Path]], about: Mapping[str, Any]) -> None:
    """Check that all networks read the same inputs; the training molecules may differ."""

    def given(state: Mapping[str, Any]) -> dict[str, Any]:
        held = {k: v for k, v in state.get("input", {}).items() if k not in _OF_A_SPLIT}
        return held | {"class_names": state.get("class_names")}

    if any(given(held.state) != given(about) for held, _ in read):
        raise invalid(
            "checkpoint",
            "contain the networks of a single run",
            f"{str(read[0][1])!r} next to a network of another run",
            "Give the folder of one run.",
        )


_OF_A_SPLIT = (TRAINING,)


def _reader(
    about: Mapping[str, Any],
    device: str,
    task: Callable[[], Task],
    network: nn.Module,
    states: list[dict[str, Any]],
) -> Reader:
    """The reader of the inputs of a run."""
    given = about["input"]
    if "featurizer" in given:
        packed = [held["input"][TRAINING] for held in states if TRAINING in held["input"]]
        return MoleculeReader(about, device, packed if len(packed) == len(states) else ())
    if "mean" in given:
        return ImageReader(about, device)
    kind = about.get("item_kind") or _kind_of(about.get("dataset"))
    if kind == "node":
        return NodeReader(about, device, task, network)
    if kind == "graph":
        return GraphReader(about, device, task)
    if kind == "link":
        return LinkReader(about, device, task, network)
    raise invalid(
        "model",
        "be a network for images, molecules, the nodes of one graph or whole graphs",
        f"one trained on {about.get('title', 'an unknown dataset')!r}",
        "Choose another run.",
    )


def _kind_of(name: str | None) -> str | None:
    """The kind of a built-in dataset, for checkpoints of early versions."""
    return data.describe(name).kind if name in data.dataset_names() else None


def _load_task(about: Mapping[str, Any], best: Path) -> Task:
    """The task of a run, with its split.

    Raises:
        ValueError: if its data are not available, or not those of the run.
    """
    stored = best.parent / Path(GRAPH).name
    origin = dict(about.get("origin") or {})
    if stored.is_file():
        return read_graph_task(stored, about)
    name = origin.pop("name", about.get("dataset"))
    if not origin and name not in data.dataset_names() and not about.get("origin"):
        raise invalid(
            "run",
            "have data that can be loaded again",
            f"one trained on {about.get('title', name)!r}, from tensors in memory",
            "Pass inputs to predict; the checkpoint has all that it needs for new ones.",
        )
    task = data.load(name, **origin)
    expected = about.get("in_channels", task.in_channels)
    if expected != task.in_channels:
        raise invalid(
            "model",
            f"take the {task.in_channels} node features of the local files of {task.card.title}",
            f"a network that takes {expected}",
            "It was trained on another version of the files; use that version.",
        )
    return task_of_run(task, about) if "split" in about else task  # of early versions
