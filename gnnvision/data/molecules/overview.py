"""Overview text of a table of molecules, printed before training and before prediction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from gnnvision.data.overview import join_names
from gnnvision.data.table import Table

__all__ = ["describe_columns", "describe_excluded", "describe_format", "group_reasons"]

MOST_REASONS = 4  # join_names in the overview
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def describe_columns(
    table: Table,
    smiles: str | Sequence[str],
    targets: Sequence[str],
    rest: str,
    roles: Mapping[str, str] | None = None,
) -> str:
    """The SMILES columns, the target columns and the other columns, as text.

    Args:
        table: the table.
        smiles: the SMILES column, or several.
        targets: the target columns, if any.
        rest: what is done with the other columns.
        roles: column -> what it is used for, where that is something else.
    """
    read = (smiles,) if isinstance(smiles, str) else smiles
    named = roles or {}
    others = [name for name in table.columns if name not in (*targets, *read, *named)]
    known = f"SMILES in {join_names(map(repr, read))}"
    known += f", targets: {join_names(map(repr, targets))}" if targets else ""
    for role in dict.fromkeys(named.values()):
        known += f", {role}: {join_names(repr(n) for n, r in named.items() if r == role)}"
    return known + (f", {rest}: {join_names(map(repr, others))}" if others else "")


def describe_format(table: Table, rows: int | None = None) -> str:
    """The size, delimiter and encoding of a table, and notes on how it was read, as text.

    Args:
        table: the table, or the last block of it.
        rows: how many rows there are in all blocks; None for those of `table`.
    """
    delimiter = _DELIMITERS.get(table.delimiter, repr(table.delimiter))
    rows, columns = len(table.rows) if rows is None else rows, len(table.columns)
    form = [
        f"{rows:,} row{'s' * (rows != 1)}, {columns:,} column{'s' * (columns != 1)}",
        *([f"{delimiter} as delimiter"] if columns > 1 else []),
        table.encoding.upper() if table.encoding.startswith("utf") else table.encoding,
    ]
    return "; ".join([", ".join(form), *table.notes])


def group_reasons(reasons: Mapping[int, str]) -> list[tuple[str, list[int]]]:
    """Each reason with the rows it applies to, the most frequent reason first.

    Reasons that differ only in numbers or quoted text are merged under the first one.

    Args:
        reasons: row index -> reason.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for row, reason in reasons.items():
        groups[re.sub(r"'[^']*'|\d+", "", reason)].append(row)
    named = [(reasons[rows[0]], rows) for rows in groups.values()]
    return sorted(named, key=lambda each: -len(each[1]))


def describe_excluded(reasons: Mapping[int, str], total: int) -> str:
    """How many rows are excluded and why, as text; "" if there are none.

    Args:
        reasons: row index -> reason.
        total: number of rows.
    """
    groups = group_reasons(reasons)
    each = [f"{len(rows):,} ({reason}; first in row {rows[0]})" for reason, rows in groups]
    more = f"; and {len(each) - MOST_REASONS:,} other reasons"
    text = "; ".join(each[:MOST_REASONS]) + more * (len(each) > MOST_REASONS)
    return f"{len(reasons):,} of {total:,} rows: {text}" if each else ""
