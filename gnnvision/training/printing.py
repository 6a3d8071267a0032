"""Entries of a name and a text, printed one a line."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TextIO

__all__ = ["print_entries"]

WIDTH = 100


def print_entries(entries: Mapping[str, str], file: TextIO | None = None) -> None:
    """Print one entry a line, the values aligned and wrapped.

    Args:
        entries: in their order; those without a value are left out.
        file: where to; the standard output if not given.
    """
    column = max(map(len, entries)) + 2
    for name, value in entries.items():
        if value:
            text = textwrap.fill(
                value,
                WIDTH,
                initial_indent=name.ljust(column),
                subsequent_indent=" " * column,
                break_long_words=False,
                break_on_hyphens=False,
            )
            print(text, file=file)
    print(flush=True, file=file)
