"""Checks of what was read from a checkpoint.

A checkpoint may be damaged or come from somebody else: a field that is missing, of the wrong type
or out of range is refused, in an error that names the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from gnnvision.data import Featurizer
from gnnvision.models.arguments import fits
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint
from gnnvision.training.recipe import Recipe
from gnnvision.training.result import Outcome

__all__ = [
    "check_outcomes",
    "check_progress",
    "check_tensors",
    "checkpoint_errors",
    "read_trained",
]

_MOST = 2**31  # of channels, indices and the like
_MOST_VALUES = 2**28  # of an image
_TENSORS = ("target", "prediction")

# Each field of the description of a trained network: its type, and whether it is required.
_FIELDS: dict[str, tuple[Any, bool]] = {
    "kind": (Literal["classification", "regression", "multilabel"], True),
    "precision": (Literal["float32", "bfloat16"], True),
    "title": (str, True),
    "class_names": (list[str], True),
    "input": (dict[str, Any], True),
    "spec": (dict[str, Any] | None, False),
    "dataset": (str, False),
    "data_hash": (str, False),
    "in_channels": (int, False),
    "split": (dict[str, Any], False),
    "recipe": (dict[str, Any], False),
    "seed": (int, False),
    "epoch": (int, False),
    "model": (str, False),
    "task": (str, False),
    "item_kind": (str, False),
    "origin": (dict[str, Any], False),
}
_IMAGES: dict[str, tuple[Any, bool]] = {
    "channels": (int, True),
    "size": (tuple[int, int], True),
    "mean": (list[float], True),
    "std": (list[float], True),
    "test_views": (Literal["none", "mirror", "mirror+shift"], False),
}
_MOLECULES: dict[str, tuple[Any, bool]] = {
    "featurizer": (dict[str, Any], True),
    "featurizer_hash": (str, True),
    "descriptors": (int, True),
    "targets": (list[str], True),
    "kind": (str, False),
}
_SPLIT: dict[str, tuple[Any, bool]] = {
    "name": (str, False),
    "hash": (str, False),
    "train": (list[int], False),
    "val": (list[int], False),
    "test": (list[int], False),
}
_PROGRESS: dict[str, tuple[Any, bool]] = {
    "epoch": (int, True),
    "batch": (int, True),
    "best_epoch": (int, True),
    "best_rank": (list[float], True),
    "history": (list[dict[str, float]], True),
    "steps": (list[dict[str, float]], False),
    "step": (int, False),
    "seconds": (float, True),
    "waited": (float, True),
    "groups": (list[dict[str, Any]], True),
}


@contextmanager
def checkpoint_errors(file: Path | str) -> Iterator[None]:
    """A context in which errors about the content of a checkpoint name its file.

    Raises:
        ValueError: in place of the errors that damaged content leads to.
    """
    try:
        yield
    except (
        ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError,
        AssertionError, MemoryError, RecursionError,
    ) as error:  # fmt: skip
        text = str(error) or type(error).__name__
        if repr(str(file)) in text:
            raise
        reason = text.strip().splitlines()[-1].strip()
        if isinstance(error, KeyError):
            reason = f"{reason} is missing"
        raise ValueError(
            f"'checkpoint' must be as the run wrote it, got {str(file)!r} ({reason}). The file "
            "is damaged or was changed: use the original file."
        ) from error


def read_trained(file: Path) -> Checkpoint:
    """The checkpoint of a trained network, checked; that of an unfinished run, unchecked.

    Args:
        file: see `find_checkpoint`.

    Raises:
        ValueError: if it is damaged, or a field has the wrong type or is out of range.
    """
    checkpoint = read_checkpoint(file)
    state = checkpoint.state
    if "identity" in state and "kind" not in state and "input" not in state:
        return checkpoint  # of an unfinished run, which the caller refuses or resumes
    with checkpoint_errors(file):
        _check(state, _FIELDS)
        _within("in_channels", state.get("in_channels", 1), 1, _MOST)
        for name in ("seed", "epoch"):
            _within(name, state.get(name, 0), 0, 2**64)
        if "recipe" in state:
            Recipe.from_dict(state["recipe"])
        if "split" in state:
            _check(state["split"], _SPLIT)
            for part in ("train", "val", "test"):
                for item in state["split"].get(part, ()):
                    _within(part, item, 0, _MOST)
        given = state["input"]
        if "featurizer" in given or "featurizer_hash" in given or "targets" in given:
            _check_molecules(given, state["kind"])
        elif _IMAGES.keys() & given.keys():
            _check_images(given)
        for name, value in checkpoint.tensors.items():
            _finite(name, value)
    return checkpoint


def check_tensors(
    given: Mapping[str, Tensor], own: Mapping[str, Tensor], *, prefix: str = ""
) -> None:
    """Check that tensors fit a model.

    Args:
        given: tensors of a checkpoint.
        own: the `state_dict` of the model.
        prefix: the start of their names in the checkpoint, for the error.

    Raises:
        ValueError: if one is missing or unexpected, has another shape or type, or contains NaN.
    """
    for name, value in own.items():
        if name not in given:
            raise ValueError(f"no tensor {prefix}{name}")
        found = given[name]
        if is_lazy(value):
            raise ValueError(f"{prefix}{name} has no shape yet, as in_channels is -1")
        if found.shape != value.shape:
            shapes = tuple(found.shape), tuple(value.shape)
            raise ValueError(f"{prefix}{name} of shape {shapes[0]} instead of {shapes[1]}")
        wide = {torch.float32, torch.float64}
        if found.dtype != value.dtype and not {found.dtype, value.dtype} <= wide:
            raise ValueError(f"{prefix}{name} of type {found.dtype} instead of {value.dtype}")
        _finite(f"{prefix}{name}", found)
    for name in given:
        if name not in own:
            raise ValueError(f"a tensor {prefix}{name}, which the network does not have")


def check_outcomes(rest: object, tensors: Mapping[str, Tensor]) -> None:
    """Check that outcomes of seeds have all values, in range.

    Args:
        rest: their JSON.
        tensors: the tensors of the checkpoint.

    Raises:
        ValueError: with what is wrong.
    """
    hints = get_type_hints(Outcome)
    required = {f.name for f in fields(Outcome) if _is_required(f)}
    schema = {n: (h, n in required) for n, h in hints.items() if n not in _TENSORS}
    if not fits(rest, list[dict[str, Any]]):
        raise ValueError("'outcomes' is not a list of outcomes")
    assert isinstance(rest, list)
    for number, values in enumerate(rest):
        _check(values, schema)
        for name in ("seed", "epochs", "best_epoch"):
            _within(name, values[name], 0, 2**64)
        for name in ("seconds", "waited"):
            _within(name, values.get(name, 0.0), 0, math.inf)
        if values["best_epoch"] > values["epochs"]:
            raise ValueError("'best_epoch' is after the last epoch")
        if set(values["metrics"]) != {"train", "val", "test"}:
            raise ValueError("'metrics' of splits other than train, val and test")
        _check_history(values["history"])
        _check_history(values.get("steps", []), "step")
        lengths = set()
        for name in _TENSORS:
            held = tensors.get(f"outcome/{number}/{name}")
            if held is None:
                raise ValueError(f"no tensor outcome/{number}/{name}")
            lengths.add(len(held) if held.ndim else -1)
        if len(lengths) > 1:
            raise ValueError(f"outcome/{number}/target and prediction of different lengths")
    metrics = {tuple(sorted(values["metrics"]["test"])) for values in rest}
    if len(metrics) > 1:
        raise ValueError("the seeds have different 'metrics'")


def check_progress(state: Mapping[str, Any], epochs: int, counts: int) -> None:
    """Check the state of a seed in training.

    Args:
        state: its JSON.
        epochs: number of epochs of the recipe.
        counts: number of batches of the current epoch whose outputs were saved.

    Raises:
        ValueError: with what is wrong.
    """
    _check(state, _PROGRESS)
    _within("epoch", state["epoch"], 0, epochs)
    _within("best_epoch", state["best_epoch"], 0, state["epoch"])
    if state["batch"] != counts:
        raise ValueError(
            f"'batch' is {state['batch']}, but the outputs of {counts} batches were saved"
        )
    for name in ("seconds", "waited"):
        _within(name, state[name], 0, math.inf)
    _check_history(state["history"], "train_loss")
    _check_history(state.get("steps", []), "step", "train_loss")
    _within("step", state.get("step", 0), 0, _MOST)
    if [row["epoch"] for row in state["history"]] != list(range(1, state["epoch"] + 1)):
        raise ValueError("'history' is of other epochs")


def _check_history(rows: Sequence[Mapping[str, float]], *names: str) -> None:
    keys = [set(row) for row in rows]
    if any(not {"epoch", *names} <= held or held != keys[0] for held in keys):
        raise ValueError("the rows of 'history' have different columns")


def _check_images(given: Mapping[str, Any]) -> None:
    _check(given, _IMAGES)
    channels, size = given["channels"], given["size"]
    _within("channels", channels, 1, _MOST)
    for side in size:
        _within("size", side, 1, _MOST)
    if channels * math.prod(size) > _MOST_VALUES:
        raise ValueError(f"'size' is {size}, larger than any image of a checkpoint")
    for name in ("mean", "std"):
        if len(given[name]) != channels or not all(map(math.isfinite, given[name])):
            raise ValueError(f"'{name}' is {given[name]}, not a number for each channel")
    if min(given["std"]) <= 0:
        raise ValueError(f"'std' is {given['std']}, not above 0")


def _check_molecules(given: Mapping[str, Any], kind: str) -> None:
    _check(given, _MOLECULES)
    hints = get_type_hints(Featurizer)
    stored = given["featurizer"]
    for name, value in stored.items():
        if name not in hints or not fits(value, hints[name]):
            raise ValueError(_shown(f"featurizer.{name}", value))
    Featurizer.from_dict(stored)
    _within("descriptors", given["descriptors"], 0, 10_000)
    if not given["targets"]:
        raise ValueError("'targets' is empty")
    if given.get("kind", kind) != kind:
        raise ValueError(f"'kind' is {kind!r} and {given['kind']!r}")


def _check(state: Mapping[str, Any], schema: Mapping[str, tuple[Any, bool]]) -> None:
    for name, (kind, required) in schema.items():
        if name not in state:
            if required:
                raise ValueError(f"'{name}' is missing")
        elif not fits(state[name], kind):
            raise ValueError(_shown(name, state[name]))


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(_shown(name, value))


def _shown(name: str, value: object) -> str:
    text = repr(value)
    return f"'{name}' is {text if len(text) < 100 else text[:100] + ' ...'}"


def _finite(name: str, value: Tensor) -> None:
    if value.is_floating_point() and not bool(value.isfinite().all()):
        raise ValueError(f"{name} contains NaN or infinity, as after a diverged training")


def _is_required(field: Any) -> bool:  # noqa: ANN401 - of a dataclass
    return field.default is MISSING and field.default_factory is MISSING
