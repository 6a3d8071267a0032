"""What scripts print, and the tables that they write."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.errors import invalid
from gnnvision.training.printing import print_entries

if TYPE_CHECKING:
    from gnnvision.data import Task

__all__ = ["open_output", "print_entries", "print_overview", "print_report", "print_table"]


def print_overview(task: Task) -> None:
    """Print how the data of a task were read.

    Args:
        task: any task.
    """
    print_entries(task.overview())


def print_table(table: object) -> None:
    """Print an object that rich can render, without wrapping its lines.

    Args:
        table: such as a table or a text of rich.
    """
    from rich.console import Console

    Console(soft_wrap=True).print(table)


def print_report(page: Path, **seconds: float) -> None:
    """Print where the report of a run is, how long its steps took, and the index of all runs.

    Args:
        page: of the run, in its folder.
        **seconds: step -> seconds, such as `training=3.1, report=1.6`.
    """
    index = page.parent.parent.parent / "index.html"
    if index.is_file():
        print(f"All runs: {index}")
    times = ", ".join(f"{step} {time:.1f} s" for step, time in seconds.items())
    print(f"report: {page} ({times})", flush=True)


@contextmanager
def open_output(path: Path | None, flag: str = "--out") -> Iterator[TextIO]:
    """A text file that is written completely or not at all; the standard output without a path.

    Args:
        path: of the file.
        flag: that names it.

    Raises:
        ValueError: if it cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    condition = "be a file that can be written"
    if path.exists() and not path.is_file():
        given = f"{str(path)!r}, which is not a regular file"
        raise invalid(flag, condition, given, "Leave it out to print the table.")
    try:
        with atomic_write(path, durable=False) as file:
            text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
            yield text
            text.detach()  # which writes the rest, and leaves the file to the block around it
    except NotWritable as error:
        given = f"{str(path)!r} ({error})"
        raise invalid(flag, condition, given, "Choose another path.") from error
