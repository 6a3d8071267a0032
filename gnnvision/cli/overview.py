"""The overview of a task on the terminal, before anything is trained."""

from __future__ import annotations

import textwrap

from gnnvision.data import Task

__all__ = ["print_overview"]

WIDTH = 100


def print_overview(task: Task) -> None:
    """What the data were understood to be, one entry a line, the values aligned and wrapped."""
    entries = task.overview()
    column = max(map(len, entries)) + 2
    for name, value in entries.items():
        text = textwrap.fill(
            value,
            WIDTH,
            initial_indent=name.ljust(column),
            subsequent_indent=" " * column,
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(text)
    print(flush=True)
