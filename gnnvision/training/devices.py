"""The device that a name stands for, and deterministic algorithms."""

from __future__ import annotations

import os

import torch

from gnnvision import _torchrun as torchrun
from gnnvision.errors import invalid

__all__ = ["usable_device", "use_deterministic"]

_DEVICES = ("cpu", "cuda", "mps")


def usable_device(name: str, argument: str = "device") -> str:
    """The device of this name; for "auto" the fastest one.

    Of the processes of torchrun on one machine each has its own GPU.

    Args:
        name: "auto", "cpu", "cuda", "mps", or a numbered one such as "cuda:1".
        argument: what names it, for errors.

    Raises:
        ValueError: if it is unknown or not available.
    """
    if torchrun.size() > 1:
        return _device_of_rank(name, argument)
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        if str(name).partition(":")[0] not in _DEVICES:
            raise RuntimeError(f"not one of {', '.join(_DEVICES)}")
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise invalid(
            argument, "be a device of this machine", f"{name!r} ({reason})",
            "Use 'auto' or 'cpu'.",
        ) from error  # fmt: skip
    return str(device)


def _device_of_rank(name: str, argument: str) -> str:
    """The device of this name for one of several processes."""
    if name not in ("auto", "cpu", "cuda"):
        advice = "Each process takes the GPU of its number."
        raise invalid(argument, "be 'auto', 'cpu' or 'cuda' under torchrun", repr(name), advice)
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    count, wanted = torch.cuda.device_count(), torchrun.local_size()
    if count < wanted:
        advice = f"Start {count} with --nproc-per-node {count}." if count else "Use 'cpu'."
        condition = f"be a device of each of the {wanted} processes on this machine"
        raise invalid(argument, condition, f"{name!r} with {count} GPUs", advice)
    device = f"cuda:{torchrun.local_rank()}"
    torch.cuda.set_device(device)
    return device


def use_deterministic() -> None:
    """Make every operation of this process return the same bits each time, also on a GPU.

    There convolutions are neither timed nor computed in TensorFloat32, and an operation of which
    torch has no deterministic form raises an error.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
