"""The versions and devices of a machine, for the report of a problem."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from gnnvision._extras import EXTRAS, missing
from gnnvision._version import __version__

__all__ = ["environment_lines"]

_LIBRARIES = (
    "torch", "torchvision", "torch-geometric", "numpy", "scipy", "scikit-learn", "rdkit",
    "networkx", "pandas", "pyarrow", "pillow", "matplotlib",
)  # fmt: skip


def environment_lines() -> list[str]:
    """The versions of this package, Python and the libraries, and the devices."""
    import torch

    from gnnvision.data import data_root

    versions = []
    for name in _LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} is not installed")
    devices = [f"cpu ({os.cpu_count()} cores, {torch.get_num_threads()} threads)"]
    devices += [
        f"cuda:{number} ({torch.cuda.get_device_name(number)})"
        for number in range(torch.cuda.device_count())
    ]
    devices += ["mps"] * torch.backends.mps.is_available()
    return [
        f"gnnvision  {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"libraries  {', '.join(versions)}",
        f"extras     {', '.join(map(_extra, EXTRAS))}",
        f"devices    {', '.join(devices)}",
        f"data       {data_root()}",
    ]


def _extra(name: str) -> str:
    """An extra of this package, and whether its packages are installed."""
    lacking = missing(name)
    return f"{name} (without {', '.join(lacking)})" if lacking else name
