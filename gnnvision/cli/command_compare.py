"""Compare training runs on one page: results, settings that differ, and curves.

gnnvision compare runs/cnn_cifar/STAMP1 runs/cnn_cifar/STAMP2

The scripts and `gnnvision train` do the same for one flag: `--compare augment` trains with and
without augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["CompareFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class CompareFlags:
    """The flags of `gnnvision compare`.

    Args:
        runs: The folders of finished runs.
        out: Folder of all runs.
    """

    runs: tuple[Path, ...]
    out: Path = Path("runs")

    arguments: ClassVar[dict[str, str]] = {"runs": "RUN"}
    metavars: ClassVar[dict[str, str]] = {"out": "FOLDER"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {"flags": ("runs", "out")}


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return CompareFlags


def main(config: CompareFlags) -> None:
    """Read the results of the runs, and write a page."""
    from gnnvision.cli.comparing import write_comparison
    from gnnvision.models import network_name
    from gnnvision.runs import load_run

    loaded = {str(path): load_run(path, device="cpu").result for path in config.runs}
    names = [network_name(result.model) for result in loaded.values()]
    # The networks name the runs, unless they are the same ones.
    distinct = len(set(names)) == len(names)
    called = names if distinct else [Path(path).name for path in loaded]
    write_comparison(config.out, dict(zip(called, loaded.values(), strict=True)))
