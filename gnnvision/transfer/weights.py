"""Weights from files: read without running anything, and only into the network they are of."""

from __future__ import annotations

import os
import pickle
import re
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gnnvision.data.paths import nearest_names

__all__ = ["fill", "num_outputs_of", "read_weights"]

_SIDE_OUTPUTS = ("AuxLogits.", "aux1.", "aux2.")  # of Inception, in training only
_SINCE = ".num_batches_tracked"  # older files lack it, and nothing depends on it


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file, by name.

    Half precision is made float32. A `.pth` or `.pt` file is a pickle, of which torch's
    restricted reader takes tensors and nothing else.

    Args:
        path: a `.safetensors`, `.pth` or `.pt` file.

    Raises:
        ValueError: if it is not there, is no such file, is cut short, or holds anything else.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(
            f"'weights' must be a file that exists, got {os.fspath(path)!r}. {nearest_names(file)}"
        )
    match file.suffix:
        case ".safetensors":
            tensors = _safetensors(file)
        case ".pth" | ".pt":
            tensors = _pickled(file)
        case _:
            raise ValueError(
                f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}. "
                "Convert it with safetensors.torch.save_file."
            )
    half = (torch.float16, torch.bfloat16)
    return {name: t.float() if t.dtype in half else t for name, t in tensors.items()}


def fill(network: nn.Module, tensors: dict[str, Tensor], name: str, file: str) -> None:
    """Load tensors into a network: all of them, and for all it has.

    Args:
        network: to fill.
        tensors: by the names of `network.state_dict()`.
        name: of the network, for errors.
        file: where the tensors are from, for errors.

    Raises:
        ValueError: if one is missing, has no place or another shape; nothing is loaded then.
    """
    own = network.state_dict()
    given = {n: t for n, t in tensors.items() if n in own or not n.startswith(_SIDE_OUTPUTS)}
    missing = [n for n in own if n not in given and not n.endswith(_SINCE)]
    beyond = [n for n in given if n not in own]
    odd = [n for n in given if n in own and given[n].shape != own[n].shape]
    if not (missing or beyond or odd):
        network.load_state_dict(given, strict=False)
        return
    if missing:
        reason = f"no {missing[0]!r}" + _more(missing)
    elif beyond:
        reason = f"{beyond[0]!r}, for which it has no place" + _more(beyond)
    else:
        shapes = tuple(given[odd[0]].shape), tuple(own[odd[0]].shape)
        reason = f"{odd[0]!r} of shape {shapes[0]} for {shapes[1]}" + _more(odd)
    raise ValueError(
        f"'weights' must be those of {name}, got {file!r} with {reason}. Name the network that "
        "they belong to."
    )


def num_outputs_of(tensors: dict[str, Tensor], head: str) -> int | None:
    """How many outputs weights have; None where they are of another network.

    Args:
        tensors: by name.
        head: the name of the network's last layer.
    """
    matrix = tensors.get(f"{head}.weight")
    return None if matrix is None or matrix.ndim != 2 else matrix.shape[0]


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"'weights' must be a whole .safetensors file, got {str(file)!r} ({error}). "
            "Fetch it again."
        ) from error


def _pickled(file: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of other protocols than torch writes
            held = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        asked = "code" if named is None else named[1]
        raise ValueError(
            f"'weights' must hold tensors alone, got {str(file)!r}, whose pickle asks for more "
            f"({asked}). It was not run; do not trust the file."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        raise ValueError(
            f"'weights' must be a whole file of torch.save, got {str(file)!r} ({reason}). "
            "Fetch it again."
        ) from error
    if isinstance(held, dict) and isinstance(held.get("state_dict"), dict):
        held = held["state_dict"]
    if not isinstance(held, dict) or not all(isinstance(t, Tensor) for t in held.values()):
        raise ValueError(
            f"'weights' must hold tensors by name, got a {type(held).__name__} in {str(file)!r}. "
            "Save network.state_dict()."
        )
    return held


def _more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
