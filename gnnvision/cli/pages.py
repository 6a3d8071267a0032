"""The page that a script writes to its run folder, and the progress of longer steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gnnvision import _torchrun as torchrun
from gnnvision._extras import require_extra
from gnnvision.cli.folders import run_folder, settings
from gnnvision.cli.inspect_options import InspectOptions
from gnnvision.cli.output import print_report
from gnnvision.cli.ranks import former_folder
from gnnvision.report.page import write_page
from gnnvision.report.parts import Section

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Page", "page", "report_progress"]


class Page:
    """The page of a run.

    Args:
        folder: of the run.
        command: the command line, for the page.
        explains: the run that the page is about, or the name of a network without a run.
        resumed: whether the run was stopped, and continues.
    """

    def __init__(
        self, folder: Path, command: str, explains: str | None = None, resumed: bool = False
    ) -> None:
        self.folder = folder
        self.resumed = resumed
        self._scratch: TemporaryDirectory[str] | None = None
        self.command = command
        self.explains = explains
        self.seconds: dict[str, float] = {}

    @property
    def figures(self) -> Path:
        """The folder of its figures, which exists; of ranks other than 0 it is thrown away."""
        if not torchrun.is_first():
            self._scratch = self._scratch or TemporaryDirectory()
        own = self.folder if self._scratch is None else Path(self._scratch.name)
        path = own / "figures"
        path.mkdir(exist_ok=True)
        return path

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show on a terminal that a step is under way, and measure its time.

        Args:
            name: of the step, such as "report".
        """
        started = time.perf_counter()
        with Console(stderr=True).status(name):
            yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def write(self, title: str, about: str, sections: Sequence[Section]) -> None:
        """Write `report.html`, and print where it is and how long the steps took."""
        if not torchrun.is_first():
            return
        with self.step("report"):
            path = write_page(
                self.folder, title, about, sections, self.command, explains=self.explains
            )
        print_report(path, **self.seconds)


@contextmanager
def page(experiment: str, config: DataclassInstance, **more: Any) -> Iterator[Page]:  # noqa: ANN401
    """The page of a new run, or of one that is resumed, in a run folder.

    Args:
        experiment: name of the script.
        config: its flags, with `out` and possibly `resume`.
        **more: further entries of `config.json`.
    """
    require_extra("report", f"The page of {experiment}")
    stored = settings(experiment, config, **more)
    out, resumed = stored["flags"]["out"], getattr(config, "resume", None)
    if resumed is None and hasattr(config, "resume"):
        resumed = former_folder()
    with run_folder(Path(out), experiment, stored, resumed) as folder:
        explains = config.model if isinstance(config, InspectOptions) else None
        yield Page(folder, stored["command"], explains, resumed is not None)


@contextmanager
def report_progress() -> Iterator[Callable[[int, int, str], None] | None]:
    """The `progress` of `gnnvision.report.write_report`: a bar on a terminal, otherwise None."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("report"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda number, total, name: bar.update(
            task, completed=number - 1, total=total, description=name
        )
