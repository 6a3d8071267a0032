"""The labels of nodes or graphs in the columns of a table, and the split that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.cells import parse_number
from gnnvision.data.column_sources import Columns
from gnnvision.data.column_values import read_booleans, read_numbers, to_cells, to_text
from gnnvision.data.graphs.choose_split import ChosenSplit, choose_split
from gnnvision.data.graphs.edge_table import NodeIds
from gnnvision.data.graphs.labels import Labels
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.split_column import column_split, has_split_words
from gnnvision.data.targets import Kind, Targets, read_targets
from gnnvision.errors import invalid, wrong_type

__all__ = ["MASKS", "label_columns", "split_columns", "split_of_table"]

MASKS = {f"{name}_mask": name for name in SPLIT_NAMES}
MAX_CLASSES = 20  # a single column of so few whole numbers, without large gaps, is of classes


def label_columns(
    table: Columns,
    names: Sequence[str],
    what: str = "node",
    kind: Literal["auto"] | Kind = "auto",
    missing: Sequence[str] = (),
) -> Labels:
    """Read the labels of the rows of a table.

    One column of words, of yes and no, or of a few consecutive whole numbers is of classes;
    several columns of 0 and 1 are separate labels; other numbers are values.

    Args:
        table: The table.
        names: The columns; without any, all rows are unlabeled.
        what: What a row is, for messages: "node" or "graph".
        kind: "classification", "multilabel" or "regression"; "auto" infers it.
        missing: Further words for a missing label.

    Raises:
        ValueError: There is no such column, or its cells are not of the kind.
    """
    if not names:
        unlabeled = torch.full((table.num_rows,), UNLABELED)
        return Labels("classification", unlabeled, (), {"labels": "none; everything is unlabeled"})
    texts = {name: [*map(to_text, to_cells(table.require(name, "label")))] for name in names}
    notes: dict[str, str] = {}
    chosen = kind
    if kind == "auto" and len(names) == 1 and (text := _few_classes(texts[names[0]])):
        chosen = "classification"
        if text != "words":
            notes["interpreted as"] = f"{names[0]!r}: {text}"
    try:
        found = read_targets(texts, chosen, missing, decimal_commas=table.decimal_commas)
    except ValueError as error:
        raise ValueError(str(error).replace("'targets' must", "'label' must", 1)) from None
    y, classes = _in_numeric_order(found)
    labels = Labels(found.kind, y, classes)
    if found.notes:
        notes["interpreted as"] = "; ".join(f"{n!r}: {text}" for n, text in found.notes.items())
    unlabeled_rows = table.num_rows - int(labels.known.sum())
    if unlabeled_rows:
        count = f"{unlabeled_rows:,} of {table.num_rows:,} {what}s"
        notes["unlabeled"] = f"{count}; they are in no split and can be predicted"
    if found.remarks:
        row, text = min(found.remarks.items())
        notes["unreadable"] = f"{len(found.remarks):,} labels, counted as missing: {text} ({row=})"
    return Labels(found.kind, y, classes, notes)


def _few_classes(cells: Sequence[str]) -> str:
    """How a column is interpreted if its cells are yes and no, or numbers of classes; else ""."""
    booleans = read_booleans(to_cells(cells))
    if not booleans.unreadable and len(np.unique(booleans.values[~booleans.missing])) == 2:
        return "words"
    numbers = read_numbers(to_cells(cells))
    known = np.unique(numbers.values[~numbers.missing])
    if numbers.unreadable or not 2 <= len(known) <= MAX_CLASSES:
        return ""
    whole = known.astype(np.int64)
    if not (whole == known).all() or whole[0] not in (0, 1) or whole[-1] >= 2 * len(whole):
        return ""
    return (
        f"whole numbers from {whole[0]} to {whole[-1]}, read as classes; if they are measured "
        "values, use kind='regression'"
    )


def _in_numeric_order(targets: Targets) -> tuple[Tensor, tuple[str, ...]]:
    """The labels with classes that are numbers in their order, "10" after "9"."""
    values = [parse_number(name) for name in targets.names]
    if targets.kind != "classification" or None in values:
        return targets.y, targets.names
    order = sorted(range(len(values)), key=lambda n: values[n] or 0)
    place = torch.empty(len(order), dtype=torch.int64)
    place[torch.tensor(order)] = torch.arange(len(order))
    known = targets.y != UNLABELED
    y = torch.where(known, place[targets.y.clamp(min=0)], targets.y)
    return y, tuple(targets.names[n] for n in order)


def split_columns(table: Columns, split: Any) -> tuple[str, ...]:  # noqa: ANN401
    """The columns that define the split: the one that `split` names, or those of masks.

    Without a name these are train_mask, val_mask and test_mask, or the first column that only
    has the words of a split.
    """
    if isinstance(split, str) and not _is_random(table, split):
        table.require(split, "split")
        return (split,)
    if split is not None and not isinstance(split, str):
        return ()
    if masks := tuple(name for name in MASKS if name in table):
        return masks
    for name in table:
        if has_split_words(map(to_text, to_cells(table[name]))):
            return (name,)
    return ()


def _is_random(table: Columns, split: Any) -> bool:  # noqa: ANN401
    return isinstance(split, str) and split == "random" and split not in table


def split_of_table(
    table: Columns,
    split: Any,  # noqa: ANN401
    labels: Labels,
    seed: int,
    ids: NodeIds | None = None,
) -> ChosenSplit:
    """The split of the labeled rows.

    Args:
        table: The table.
        split: A column with train, val and test; a `Split`; a mapping from "train", "val" and
            "test" to masks, row numbers or ids; None, for the columns of masks or, without them,
            a random split; or "random", for a random split anyway.
        labels: The labels of the rows.
        seed: The seed of a random split.
        ids: The ids of the rows.

    Raises:
        TypeError: `split` is none of these.
        ValueError: Masks overlap, or a cell of the column is another word.
    """
    named = split_columns(table, split)
    if _is_random(table, split):
        return choose_split(labels, seed)
    fixed: Split | None = None
    masks: dict[str, NDArray[np.bool_]] | None = None
    if named and named[0] not in MASKS:
        cells = [*map(to_text, to_cells(table[named[0]]))]
        fixed = column_split(np.arange(table.num_rows), cells, named[0], argument="split")
    elif named:
        masks = {MASKS[name]: _mask_column(table, name) for name in named}
    elif isinstance(split, Split):
        split.check(table.num_rows)
        fixed = split
    elif isinstance(split, Mapping):
        masks = {name: _given_mask(name, split, table.num_rows, ids) for name in split}
    elif split is not None:
        advice = "Name a column, or pass {'train': ..., 'val': ..., 'test': ...}."
        raise wrong_type("split", "be a column, a mapping, a Split or None", split, advice)
    if masks is not None:
        chosen = choose_split(labels, seed, masks=masks)
    else:
        chosen = choose_split(labels, seed, split=fixed)
    return _labeled_only(chosen, labels, named) if chosen.splitter is None else chosen


def _mask_column(table: Columns, name: str) -> NDArray[np.bool_]:
    read = read_booleans(to_cells(table[name]))
    if read.missing.any():
        row = int(read.missing.argmax())
        got = f"{read.unreadable.get(row, 'an empty cell')} in row {row}"
        raise invalid(name, "be true or false in every row", got, "Correct the table.")
    return read.values.astype(bool)


def _given_mask(
    name: str, split: Mapping[str, Any], count: int, ids: NodeIds | None
) -> NDArray[np.bool_]:
    """A mask from a mask, row numbers or ids."""
    if name not in SPLIT_NAMES:
        known = ", ".join(map(repr, SPLIT_NAMES))
        raise invalid("split", f"map {known} to their rows", f"the key {name!r}", "Rename it.")
    cells = to_cells(split[name])
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype.kind == "b" and values.ndim == 1:
        if len(values) != count:
            got = f"{len(values):,} for {name!r}"
            raise invalid("split", f"have one value for each of the {count:,} rows", got)
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu" and values.ndim == 1:
        rows = values.astype(np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= count):
            got = f"{int(rows.max() if rows.max() >= count else rows.min())} for {name!r}"
            raise invalid("split", f"have row numbers from 0 to {count - 1}", got)
    elif not len(cells):
        rows = np.zeros(0, np.int64)
    elif ids is not None and not isinstance(values, np.ndarray):
        rows, texts = ids.find(split[name])
        if (rows < 0).any():
            got = f"{texts[int((rows < 0).argmax())]!r} for {name!r}"
            raise invalid("split", "have ids that are in the table of nodes", got)
    else:
        advice = "Pass a mask of booleans, row numbers or ids."
        raise wrong_type("split", f"have rows for {name!r}", split[name], advice)
    mask = np.zeros(count, bool)
    mask[rows] = True
    return mask


def _labeled_only(chosen: ChosenSplit, labels: Labels, named: Sequence[str]) -> ChosenSplit:
    """The split without unlabeled rows, if any rows are labeled."""
    notes = dict(chosen.notes)
    if named:
        notes["split columns"] = ", ".join(map(repr, named))
    split, known = chosen.split, labels.known
    index = {name: getattr(split, name) for name in SPLIT_NAMES}
    dropped = sum(int((~known[rows]).sum()) for rows in index.values())
    if labels.names and dropped:
        split = Split(split.name, *(rows[known[rows]] for rows in index.values()))
        notes["excluded"] = f"{dropped:,} unlabeled rows of the split"
    return ChosenSplit(split, None, notes)
