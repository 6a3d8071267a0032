"""The device that a flag names, and deterministic algorithms."""

from __future__ import annotations

from gnnvision.training import devices
from gnnvision.training.devices import use_deterministic

__all__ = ["usable_device", "use_deterministic"]


def usable_device(name: str) -> str:
    """The device of this name; for "auto" the fastest one.

    Args:
        name: "auto", "cpu", "cuda" or "mps".

    Raises:
        ValueError: if it is unknown or not available.
    """
    return devices.usable_device(name, "--device")
