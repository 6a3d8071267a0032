"""On what the last bits of a training depend, besides its recipe, data and seed."""

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
    """What a checkpoint notes of the machine and the libraries, for JSON.

    Args:
        device: where the training runs.
        threads: of the CPU; a sum over several is added up in another order than over one.
    """
    return {
        "gnnvision": __version__,
        "torch": torch.__version__,
        "device": device_name(device),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
    }


def differences(saved: object, here: dict[str, Any]) -> str:
    """In words, what is other here than where a checkpoint was written; empty if nothing is.

    Args:
        saved: what the checkpoint noted; nothing, in older ones.
        here: `environment` of this run.
    """
    if not isinstance(saved, dict):
        return ""
    return ", ".join(
        f"{_WORDS[name].format(value)} instead of {str(saved[name])[:60]}"
        for name, value in here.items()
        if name in saved and saved[name] != value
    )
