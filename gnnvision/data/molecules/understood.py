"""How a table of molecules was understood, in words: before training and before prediction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from gnnvision.data.molecules.table import Table
from gnnvision.data.overview import join_names

__all__ = ["columns_in_words", "form_in_words", "grouped", "left_out_in_words"]

MOST_REASONS = 4  # that are listed
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def columns_in_words(table: Table, smiles: str, targets: Sequence[str], rest: str) -> str:
    """Which column holds the molecules, which are predicted, and which are left.

    Args:
        table: that was read.
        smiles: the column of molecules.
        targets: the columns that are predicted, if any.
        rest: what becomes of the others.
    """
    others = [name for name in table.columns if name not in (*targets, smiles)]
    known = f"{smiles!r} holds the molecules"
    known += f", {join_names(map(repr, targets))} predicted" if targets else ""
    return known + (f", {rest}: {join_names(map(repr, others))}" if others else "")


def form_in_words(table: Table) -> str:
    """The size of a table, what stands between its cells, its encoding, and its notes."""
    mark = _MARKS.get(table.delimiter, repr(table.delimiter))
    rows, columns = len(table.rows), len(table.columns)
    form = [
        f"{rows:,} row{'s' * (rows != 1)}, {columns:,} column{'s' * (columns != 1)}",
        *([f"{mark} between the cells"] if columns > 1 else []),
        table.encoding.upper() if table.encoding.startswith("utf") else table.encoding,
    ]
    return "; ".join([", ".join(form), *table.notes])


def grouped(reasons: Mapping[int, str]) -> list[tuple[str, list[int]]]:
    """Reasons and the rows that have them, the commonest first.

    Reasons that differ only in numbers or in what is quoted are one; the first is given.

    Args:
        reasons: by the number of the row.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for row, reason in reasons.items():
        groups[re.sub(r"'[^']*'|\d+", "", reason)].append(row)
    held = [(reasons[rows[0]], rows) for rows in groups.values()]
    return sorted(held, key=lambda each: -len(each[1]))


def left_out_in_words(reasons: Mapping[int, str], total: int) -> str:
    """How many rows are left out, and why; "" if none is.

    Args:
        reasons: by the number of the row.
        total: how many rows there are.
    """
    groups = grouped(reasons)
    each = [f"{len(rows):,} ({reason}; first in row {rows[0]})" for reason, rows in groups]
    more = f"; and {len(each) - MOST_REASONS:,} other reasons"
    text = "; ".join(each[:MOST_REASONS]) + more * (len(each) > MOST_REASONS)
    return f"{len(reasons):,} of {total:,} rows: {text}" if each else ""
