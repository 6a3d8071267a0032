"""Write the report of a run again, from the files of its folder.

gnnvision report runs/train/STAMP
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["ReportFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class ReportFlags:
    """The flags of `gnnvision report`.

    Args:
        run: The folder of a finished run.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    run: Path
    device: str = "auto"

    arguments: ClassVar[dict[str, str]] = {"run": "RUN"}
    metavars: ClassVar[dict[str, str]] = {"device": "DEVICE"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {"flags": ("run", "device")}


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return ReportFlags


def main(config: ReportFlags) -> None:
    """Read the result of the run, print its table, and write its report."""
    import time

    from gnnvision.cli.devices import usable_device
    from gnnvision.cli.experiment import warn_without_figures
    from gnnvision.cli.output import print_report
    from gnnvision.cli.pages import report_progress
    from gnnvision.runs import load_run

    warn_without_figures()
    result = load_run(config.run, device=usable_device(config.device)).result
    print(result.summary(), flush=True)
    started = time.perf_counter()
    with report_progress() as progress:
        page = result.report(progress)
    print_report(page, report=time.perf_counter() - started)
