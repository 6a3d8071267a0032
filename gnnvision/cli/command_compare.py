"""Compare training runs on one page: results, settings that differ, and curves.

gnnvision compare runs/cnn_cifar/STAMP1 runs/cnn_cifar/STAMP2

The scripts and `gnnvision train` do the same for one flag: `--compare augment` trains with and
without augmentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gnnvision.cli.comparing import CompareFlags, write_comparison

__all__ = ["flags", "main"]


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return CompareFlags


def main(config: CompareFlags) -> None:
    """Read the results of the runs, and write a page."""
    from gnnvision.models import network_name
    from gnnvision.runs import load_run

    loaded = {str(path): load_run(path, device="cpu").result for path in config.runs}
    names = [network_name(result.model) for result in loaded.values()]
    # The networks name the runs, unless they are the same ones.
    distinct = len(set(names)) == len(names)
    called = names if distinct else [Path(path).name for path in loaded]
    write_comparison(config.out, dict(zip(called, loaded.values(), strict=True)))
