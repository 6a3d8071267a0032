"""The parts of the environment that bit-exact resuming depends on."""

from __future__ import annotations

from typing import Any

import torch

from gnnvision._version import __version__
from gnnvision.training.precision import device_name

__all__ = ["differences", "environment"]

_WORDS = {
    "gnnvision": "gnnvision {}",
    "torch": "torch {}",
    "device": "the device {}",
    "instructions": "the processor's instructions {}",
    "threads": "{} CPU threads",
}


def environment(device: str, threads: int) -> dict[str, Any]:
    """The description of the machine and the libraries for a checkpoint, for JSON.

    Args:
        device: the device of the training.
        threads: number of CPU threads, on which the order of summation depends.
    """
    return {
        "gnnvision": __version__,
        "torch": torch.__version__,
        "device": device_name(device),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
    }


def differences(saved: object, here: dict[str, Any]) -> str:
    """The differences to the environment of a checkpoint, as text; empty if there are none.

    Args:
        saved: the environment in the checkpoint; None in those of early versions.
        here: the environment of this run.
    """
    if not isinstance(saved, dict):
        return ""
    return ", ".join(
        f"{_WORDS[name].format(value)} instead of {str(saved[name])[:60]}"
        for name, value in here.items()
        if name in saved and saved[name] != value
    )
