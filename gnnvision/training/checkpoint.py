"""Checkpoints: everything that is needed to resume a run bit-exactly, in one safe file.

Tensors are stored as safetensors and the rest as JSON in the header of the same file. Reading it
never runs code, and a file is complete or absent.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from gnnvision.data.atomic_files import atomic_write
from gnnvision.data.paths import refuse_special
from gnnvision.errors import invalid

__all__ = ["Checkpoint", "read_checkpoint", "write_checkpoint"]

HASH = "sha256"  # the key of a hash of everything else in a checkpoint


class Checkpoint:
    """Named tensors and JSON.

    Args:
        tensors: by path, for example "model/1.lin.weight".
        state: the content of the JSON.
    """

    def __init__(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        self.tensors = dict(tensors)
        self.state = dict(state)

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors whose path begins with `name/`, by the rest of their path."""
        start = name + "/"
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically: an older one at `path` stays until the new one is complete.

    Raises:
        OSError: if it cannot be written.
    """
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in checkpoint.tensors.items()
    }
    state = checkpoint.state | {HASH: _digest(tensors, json.dumps(checkpoint.state))}
    # One entry, as safetensors writes several in random order: equal runs have equal files.
    metadata = {"gnnvision": json.dumps(state)}
    with atomic_write(path) as file:
        try:
            save_file(tensors, file.name, metadata)
        except SafetensorError as error:  # which is not an OSError
            raise OSError(str(error)) from error
        with Path(file.name).open("rb") as written:  # safetensors has replaced `file`
            os.fsync(written.fileno())


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint that `write_checkpoint` wrote.

    Raises:
        ValueError: if there is none at `path`, or it is damaged.
    """
    refuse_special(path, "checkpoint")
    if not path.is_file():
        got = f"{str(path)!r}, which does not exist"
        raise invalid("checkpoint", "be a checkpoint of gnnvision", got, "Give a run folder.")
    try:
        tensors, metadata = _read(path)
        state = json.loads(metadata["gnnvision"])
        if not isinstance(state, dict):
            raise ValueError(f"its description is a {type(state).__name__}")
        written = state.pop(HASH, None)  # None in those of early versions
        if written is not None and written != _digest(tensors, json.dumps(state)):
            raise ValueError("its content does not have the SHA-256 that it was written with")
        return Checkpoint(tensors, state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, RecursionError) as error:
        raise invalid(
            "checkpoint",
            "be a checkpoint of gnnvision",
            f"{str(path)!r} ({error})",
            "The file is damaged or from another program: use the original file of a run.",
        ) from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:  # a name that safetensors cannot open
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return load(content), header.get("__metadata__") or {}
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


def _digest(tensors: Mapping[str, Tensor], state: str) -> str:
    """A hash of everything in a checkpoint, to detect changes on the disk."""
    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        raw: Any = value.reshape(-1).view(torch.uint8).numpy()
        digest.update(raw)
    return digest.hexdigest()


def pack(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with their names prefixed by `name/`."""
    return {f"{name}/{key}": value for key, value in tensors.items()}


def pack_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """The optimizer's tensors by path, and its parameter groups for JSON."""
    held = optimizer.state_dict()
    tensors = {
        f"optimizer/{number}/{name}": value
        for number, values in held["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }
    groups = held["param_groups"]
    for group in groups:
        group["lr"] = float(group["lr"])  # on a GPU it is a tensor
        group.pop("capturable", None)  # which follows from the device
    return tensors, groups


def unpack_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Restore an optimizer from the tensors and groups that `pack_optimizer` returned.

    Raises:
        ValueError: if it does not fit the optimizer.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for path, value in tensors.items():
        number, name = path.split("/")
        like = parameters[int(number)]
        if value.shape != (like.shape if name != "step" else ()):
            raise ValueError(f"optimizer/{path} of shape {tuple(value.shape)}")
        if name != "step":
            # With the memory layout of its parameter, as the fused kernels require.
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)
        if not value.is_floating_point() or not bool(value.isfinite().all()):
            raise ValueError(f"optimizer/{path} contains NaN or infinity")
        state.setdefault(int(number), {})[name] = value
    if len({frozenset(held) for held in state.values()}) > 1:
        raise ValueError("optimizer/ lacks tensors of some parameters")
    own = optimizer.state_dict()["param_groups"]
    if len(own) != len(groups):
        raise ValueError(f"'groups' are {len(groups)} instead of {len(own)}")
    for group, like in zip(groups, own, strict=True):
        if "betas" in group:
            group["betas"] = tuple(group["betas"])
        # All settings but the learning rate, which a schedule changes, follow from the recipe.
        if group["params"] != like["params"] or any(
            group[name] != value
            for name, value in like.items()
            if name in group and name not in ("lr", "capturable")
        ):
            raise ValueError("'groups' of another recipe")
        lr = group["lr"]
        if isinstance(lr, bool) or not isinstance(lr, (int, float)) or not 0 <= lr < math.inf:
            raise ValueError(f"'lr' is {str(lr)[:60]}")
        held = like["lr"]
        like["lr"] = held.fill_(lr) if isinstance(held, Tensor) else lr
    optimizer.load_state_dict({"state": state, "param_groups": own})


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights, which later steps do not change."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
