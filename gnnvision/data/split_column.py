"""The split that a column of a table defines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gnnvision.data.split import Rows, Split
from gnnvision.errors import invalid

__all__ = ["SPLIT_WORDS", "column_split", "has_split_words"]

SPLIT_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def has_split_words(cells: Iterable[str]) -> bool:
    """Whether the cells of a column are the words of a split: train and another one."""
    found = {cell.strip().lower() for cell in cells} - {""}
    words = {word for each in SPLIT_WORDS.values() for word in each}
    return len(found) > 1 and found <= words and bool(found & set(SPLIT_WORDS["train"]))


def column_split(
    rows: Rows, cells: Sequence[str], column: str, argument: str = "split_column"
) -> Split:
    """The split that a column of the table defines: train, val or test.

    Args:
        rows: the row indices to split.
        cells: the column, for all rows of the table; a row with an empty cell is excluded.
        column: its name, for errors.
        argument: the argument that named it, for errors.

    Raises:
        ValueError: if a cell has another value, or there are no training rows.
    """
    found: dict[str, list[int]] = {name: [] for name in SPLIT_WORDS}
    known = {word: name for name, words in SPLIT_WORDS.items() for word in words}
    for row in rows.tolist():
        cell = cells[row].strip().lower()
        if cell and cell not in known:
            words = ", ".join(known)
            raise invalid(
                argument,
                "have train, val or test in every cell",
                f"{cells[row]!r} in row {row} of {column!r}",
                f"Write {words}, or leave the cell empty to exclude the row.",
            )
        if cell:
            found[known[cell]].append(row)
    if not found["train"]:
        got = f"none in {column!r}"
        raise invalid(argument, "mark training rows", got, "Write 'train' in their cells.")
    return Split("column", found["train"], found["val"], found["test"])
