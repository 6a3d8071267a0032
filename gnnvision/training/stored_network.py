"""The network of a checkpoint, built again with its weights."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision.data.paths import refuse_special
from gnnvision.errors import invalid
from gnnvision.models.arguments import fits
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.stored import check_tensors, checkpoint_errors

__all__ = ["build_network", "check_call", "find_checkpoint", "with_weights"]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # of a torchvision network: no URL, no path
_COUNTS = ("num_layers", "depth", "depths", "stages")  # arguments that count layers
_FEW, _MOST = 64, 2**24  # at most so many layers and list items; the largest number


def find_checkpoint(path: str | os.PathLike[str]) -> Path:
    """The path of the file with the kept weights of a run.

    Args:
        path: a run folder, its `checkpoints` folder, or the file.

    Raises:
        ValueError: if there is no such file.
    """
    given = Path(path)
    places = [given, given / "best.safetensors", given / "checkpoints" / "best.safetensors"]
    for place in places:
        if place.is_file():
            return place
    refuse_special(given, "checkpoint")
    newest = _newest_run(given) or _newest_run(given.parent)
    advice = "Name the folder of a finished run"
    raise invalid(
        "checkpoint",
        "be a run folder, its checkpoints folder or a file in it",
        f"{str(given)!r}, where there is no best.safetensors",
        f"{advice}." if newest is None else f"{advice}, such as the newest one, {str(newest)!r}.",
    )


def _newest_run(folder: Path) -> Path | None:
    """The newest run among the folders in a folder, or among those in them."""
    for pattern in ("*", "*/*"):
        files = list(folder.glob(f"{pattern}/checkpoints/best.safetensors"))
        if files:
            return max(files, key=lambda file: file.stat().st_mtime).parent.parent
    return None


def build_network(checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The network of a checkpoint with its weights.

    Args:
        checkpoint: the checkpoint.
        file: its file, for errors.

    Raises:
        ValueError: if it does not name its network, or its weights do not fit.
    """
    spec = checkpoint.state.get("spec")
    if spec is None:
        raise invalid(
            "checkpoint",
            "name its network",
            f"{str(file)!r}, whose network was not one of gnnvision.models",
            "Build it yourself: gv.load_run(path, model=network).",
        )
    with checkpoint_errors(file):
        name, arguments = _checked_spec(spec, len(checkpoint.tensors))
        # Shapes alone: no memory for weights that the file may not have.
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of layers without a weight
            like = models.build(name, **arguments)
    _check_weights(like, checkpoint, file)
    with checkpoint_errors(file):
        return with_weights(models.build(name, **arguments), checkpoint, file)


def with_weights(model: nn.Module, checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The network, with the weights of a checkpoint loaded into it.

    Args:
        model: the network of the run.
        checkpoint: the checkpoint.
        file: its file, for errors.

    Raises:
        ValueError: if they do not fit.
    """
    _check_weights(model, checkpoint, file)
    model.load_state_dict(checkpoint.tensors)
    return model


def _check_weights(model: nn.Module, checkpoint: Checkpoint, file: Path) -> None:
    try:
        check_tensors(checkpoint.tensors, model.state_dict())
    except ValueError as error:
        spec = getattr(model, "spec", None)
        name = spec["name"] if spec else type(model).__name__
        raise invalid(
            "checkpoint",
            f"have the weights of {name}",
            f"different ones in {str(file)!r} ({error})",
            "Give the checkpoint of a run of this network.",
        ) from error


def check_call(file: Path, predict: Callable[[], Tensor], outputs: int) -> None:
    """Check that a network has the inputs and outputs that its checkpoint describes.

    Args:
        file: the file of its checkpoint.
        predict: calls the network with one item.
        outputs: the number of outputs that the checkpoint describes.

    Raises:
        ValueError: if the call fails or has another number of outputs.
    """
    with checkpoint_errors(file):
        output = predict()
        if output.shape != (1, outputs):
            raise ValueError(f"{outputs} names for {output.shape[-1]} outputs")


def _checked_spec(spec: Any, tensors: int) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - of JSON
    """The name and the arguments of a network, refused where they could do harm.

    Args:
        spec: from the JSON of a checkpoint, which may come from somebody else.
        tensors: number of tensors in the file.
    """
    if not fits(spec, dict[str, Any]) or not fits(spec.get("name"), str):
        raise ValueError("'spec' has no name of a network")
    name, arguments = spec["name"], spec.get("arguments")
    if name not in models.names():
        raise ValueError(f"'spec' names {name[:60]!r}, which is not in gnnvision.models")
    if not fits(arguments, dict[str, Any]):
        raise ValueError("'spec' has no arguments")
    for argument, kind in models.argument_types(name).items():
        if argument in arguments and not fits(arguments[argument], kind):
            raise ValueError(f"'{argument}' of {name} is {str(arguments[argument])[:60]!r}")
    if arguments.get("weights") is not None:
        raise ValueError("'weights' is not null, which a run never writes")
    if not _PLAIN_NAME.fullmatch(arguments.get("name", "x")):
        raise ValueError(f"'name' of {name} is {arguments['name'][:60]!r}")
    for argument, value in arguments.items():
        values = value if isinstance(value, list) else [value]
        most = max(_FEW, tensors) if argument in _COUNTS else _MOST
        if len(values) > _FEW or any(
            isinstance(item, (int, float)) and not -most <= item <= most for item in values
        ):
            raise ValueError(f"'{argument}' of {name} is {str(value)[:60]}")
    return name, arguments
