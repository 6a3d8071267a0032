"""Images with their labels in a table: a column of files and columns to predict."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision._extras import require_extra
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.card import Card, SplitRule
from gnnvision.data.cells import parse_number
from gnnvision.data.frozen import FrozenDict
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.cache import cache_path, load_or_create
from gnnvision.data.images.decode import DecodeOptions, decode_tree
from gnnvision.data.images.folder import list_invalid
from gnnvision.data.images.listed import (
    Listed,
    file_column,
    find_files,
    looks_like_image_table,
)
from gnnvision.data.images.options import ImageOptions
from gnnvision.data.images.splits import draw_split
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.task import ImageTask
from gnnvision.data.images.tree import Item, Tree
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.split_column import column_split, has_split_words
from gnnvision.data.table import Table, parse_table, read_table
from gnnvision.data.targets import Targets, read_targets
from gnnvision.data.text_table import to_text_table
from gnnvision.errors import invalid, one_of

__all__ = ["from_table", "is_image_table", "is_text_table", "load_labels"]

_HEAD_BYTES = 1 << 16
_SHOWN = 5  # rows quoted in an error message


def load_labels(path: Path, options: ImageOptions, requested: str) -> ImageTask:
    """Load the images that a table names, with their labels.

    Every row of the table is an item of the task. A row whose file is missing or invalid has a
    black image, is in no split, and is listed in `reasons`; so is a row without a label, which
    keeps its image.

    Args:
        path: The table: a column of files (relative to `options.folder`, or else to the folder
            of the table) and columns of labels.
        options: Those of images.
        requested: What was requested.

    Raises:
        FileNotFoundError: The table or the folder does not exist.
        ValueError: A column is missing or ambiguous, or there is an invalid row and on_invalid is
            "raise".
    """
    folder = Path(options.folder) if options.folder is not None else path.parent
    task = _load(read_table(path), folder, options, path.name)
    return replace(task, name=path.name.partition(".")[0], requested=requested)


def from_table(
    source: Any,  # noqa: ANN401 - a DataFrame, without importing pandas
    *,
    name: str = "images",
    **options: Any,  # noqa: ANN401 - the fields of ImageOptions
) -> ImageTask:
    """A task from a table in memory with a column of image files and columns of labels.

    Args:
        source: A pandas, polars or Arrow table, a dict of columns, or the path of a file that
            `gnnvision.data.read_columns` reads.
        name: A name for the data.
        **options: The fields of `ImageOptions`: `image`, `targets`, `folder`, `on_invalid` and so
            on. Paths are relative to `folder`, or else to the working folder.

    Raises:
        TypeError: `source` is not a table.
        ValueError: As for `load`.
    """
    chosen = ImageOptions(**options)
    folder = Path.cwd() if chosen.folder is None else Path(chosen.folder)
    return replace(_load(to_text_table(source), folder, chosen, name), name=name, requested=name)


def _load(table: Table, folder: Path, options: ImageOptions, title: str) -> ImageTask:
    """The task of a table; see `load_labels`."""
    require_extra("images", "Reading image files", "PIL")
    if not table.rows:
        raise invalid("name", "have rows", f"only a header in {title!r}", "Add rows below it.")
    image, how = file_column(table, folder, options.image)
    split_column = options.split_column or _split_column(table, options)
    names, why = _target_columns(table, tuple(options.targets), (image, split_column))
    targets = read_targets(
        {name: _cells(table, name) for name in names},
        options.kind,
        tuple(options.missing),
        decimal_commas=table.delimiter != ",",
    )
    listed = find_files(_cells(table, image, "image"), folder)
    if all(member is None for member in listed.members):
        condition = f"name image files in {str(folder)!r}"
        advice = "Pass the folder to which the paths are relative as 'folder'."
        raise invalid("image", condition, _examples(listed.reasons), advice)
    reasons = dict(targets.remarks) | dict(listed.reasons) | dict(table.problems)
    split, splitter = None, None
    if split_column:
        rows = np.array([row for row in range(len(table.rows)) if row not in table.problems])
        split = column_split(rows, table.column(split_column, "split_column"), split_column)
    arrays, place = _decode(listed, targets, split, options)
    assert arrays.scan is not None
    row_of = {member.path: row for row, member in enumerate(listed.members) if member is not None}
    for finding in arrays.scan.invalid:
        reasons[row_of[finding.path]] = f"{finding.path!r}: {finding.kind}, {finding.reason}"
    _handle_reasons(reasons, table.column(image), place, options)
    for row in np.flatnonzero(~targets.known).tolist():
        reasons.setdefault(row, "no label")
    usable = np.array([row for row in range(len(table.rows)) if row not in reasons], np.int64)
    if split is None:
        labels = targets.y.numpy()[usable] if targets.kind == "classification" else None
        classes = targets.names if targets.kind == "classification" else ()
        splitter = partial(draw_split, usable, labels, classes)
        split = splitter(options.seed)
    else:
        kept = (np.intersect1d(getattr(split, name), usable) for name in SPLIT_NAMES)
        split = Split("column", *kept)
        if not len(split.train):
            raise invalid("split_column", "leave training images", "none that can be used")
    images = _in_rows(arrays, [row_of[name] for name in arrays.names], len(table.rows))
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    mean, std = channel_statistics(tensor, split.train)
    found = f"{how}, {listed.rule}" if listed.rule else how
    columns = f"{image!r} has the files ({found}); {', '.join(map(repr, names))} predicted{why}"
    columns += f"; {split_column!r} has the split" if split_column else ""
    notes = [*table.notes, *(f"{name!r}: {note}" for name, note in targets.notes.items())]
    details = {"columns": columns} | ({"table": "; ".join(notes)} if notes else {})
    return ImageTask(
        name=title,
        kind=targets.kind,
        in_channels=tensor.shape[1],
        num_outputs=len(targets.names),
        class_names=targets.names,
        split=split,
        splitter=splitter,
        card=_card(title, table, targets, split_column),
        seed=options.seed,
        images=tensor,
        y=targets.y,
        mean=mean,
        std=std,
        augment=options.augment,
        item_names=tuple(table.column(image)),
        scan=arrays.scan,
        reasons=dict(sorted(reasons.items())),
        details=details,
    )


def is_image_table(path: Path) -> bool:
    """Whether a path is a text table with names of image files; only its beginning is read."""
    if not is_text_table(path) or not path.is_file():
        return False
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            head = file.read(_HEAD_BYTES + 1)
        if len(head) > _HEAD_BYTES:
            head = head[:_HEAD_BYTES].rpartition(b"\n")[0]
        name = path.name.lower().removesuffix(".gz")
        return looks_like_image_table(parse_table(head, name), path.parent)
    except (OSError, EOFError, ValueError, zlib.error):  # its reader explains
        return False


def is_text_table(path: Path) -> bool:
    """Whether the name of a path is that of a text table with a header."""
    return path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt"))


def _cells(table: Table, name: str, what: str = "targets") -> list[str]:
    """The cells of a column; empty in malformed rows, whose cells may belong to other columns."""
    return [
        "" if row in table.problems else cell for row, cell in enumerate(table.column(name, what))
    ]


def _split_column(table: Table, options: ImageOptions) -> str:
    """The column of the split: one that has train, val or test in every row; "" for none."""
    one_of("split", options.split, ("public", "random", "column"))
    if options.split == "random":
        return ""
    for name in table.columns:
        if table.columns.count(name) == 1 and has_split_words(table.column(name)):
            return name
    if options.split == "column":
        raise invalid("split_column", "name the column with train, val and test", "none")
    return ""


def _target_columns(
    table: Table, named: Sequence[str], taken: Sequence[str]
) -> tuple[Sequence[str], str]:
    """The columns to predict, and why these, as the end of a sentence."""
    both = sorted(set(named) & set(filter(None, taken)))
    if both:
        condition = "differ from the columns of the files and the split"
        raise invalid("targets", condition, repr(both[0]), "Name the columns to predict.")
    if named:
        return named, ""
    others = [name for name in table.columns if name and name not in taken]
    useful = others if len(others) == 1 else [n for n in others if not _is_row_number(table, n)]
    known = ", ".join(map(repr, others))
    if not useful:
        advice = "Add a column of labels; new images need no table: use run.predict(folder)."
        raise invalid("targets", "name a column to predict", f"only {known or 'files'}", advice)
    if len(useful) > 1 and not all(_is_numeric(table, name) for name in useful):
        condition = f"name one or several of the columns {known}"
        raise invalid("targets", condition, "none", "Name the columns to predict.")
    return useful, " (the other columns)" if len(useful) > 1 else " (the other column)"


def _is_numeric(table: Table, name: str) -> bool:
    return all(parse_number(cell) is not None for cell in table.column(name) if cell.strip())


def _is_row_number(table: Table, name: str) -> bool:
    """Whether a column counts the rows, as data frames write it."""
    numbers = [parse_number(cell) for cell in table.column(name)]
    return len(numbers) > 1 and any(
        numbers == [float(first + n) for n in range(len(numbers))] for first in (0, 1)
    )


def _decode(
    listed: Listed, targets: Targets, split: Split | None, options: ImageOptions
) -> tuple[ImageArrays, Path | None]:
    """The arrays of the valid files, from the cache if they are there, and their cache folder."""
    classes = targets.kind == "classification"
    labels = targets.y.tolist() if classes else [UNLABELED] * len(targets.y)
    part = np.zeros(len(labels), np.int64)
    for number, name in enumerate(SPLIT_NAMES):
        part[getattr(split, name, [])] = number
    items = tuple(
        Item(member, int(part[row]), labels[row])
        for row, member in enumerate(listed.members)
        if member is not None
    )
    decode = DecodeOptions(options.size, options.num_channels, options.max_pixels)
    names = targets.names if classes else ()
    key = [(item.member.path, item.split, item.label) for item in items]
    place = cache_path("labels", listed.source.fingerprint(), decode, names, key)
    tree = Tree(listed.source, items, names, split is not None, (), (), (), "", ())
    return load_or_create(place, lambda: decode_tree(tree, decode)), place


def _in_rows(arrays: ImageArrays, rows: Sequence[int], count: int) -> NDArray[np.uint8]:
    """The images in the rows of the table; black in the others."""
    if len(rows) == count:
        return arrays.images
    images = np.zeros((count, *arrays.images.shape[1:]), np.uint8)
    images[rows] = arrays.images
    return images


def _handle_reasons(
    reasons: Mapping[int, str], files: Sequence[str], place: Path | None, options: ImageOptions
) -> None:
    """Raise an error about rows that cannot be used, or list them in `quarantine.csv`."""
    if options.policy == "raise" and reasons:
        raise ValueError(
            f"All rows must be valid, got {len(reasons):,} of {len(files):,} that cannot be used: "
            f"{_examples(reasons)}. Correct them, or load with on_invalid='skip' "
            "(--on-invalid skip), which leaves them out of every split."
        )
    if options.policy == "quarantine":
        folder = place if options.quarantine is None else Path(options.quarantine)
        if folder is None:
            raise invalid("quarantine", "be a folder if there is no cache", None, "Pass a folder.")
        rows = [(files[row], "row " + str(row), why) for row, why in sorted(reasons.items())]
        list_invalid(folder, rows)


def _examples(reasons: Mapping[int, str]) -> str:
    shown = [f"row {row}: {why}" for row, why in sorted(reasons.items())[:_SHOWN]]
    more = f"; and {len(reasons) - _SHOWN:,} more" if len(reasons) > _SHOWN else ""
    return "; ".join(shown) + more


def _card(title: str, table: Table, targets: Targets, split_column: str) -> Card:
    rule = "Random for each seed: 80 % training, 10 % validation, 10 % test."
    if targets.kind == "classification":
        rule += " Stratified by class."
    if split_column:
        rule = f"Defined by the column {split_column!r}."
    return Card(
        name=title.partition(".")[0],
        title=title,
        kind="image",
        description=f"The images that the table {title} lists, with {len(table.rows):,} rows.",
        source=title,
        license="Not stated.",
        citation="Not known.",
        class_names=targets.names,
        splits=FrozenDict({"column" if split_column else "random": SplitRule(rule)}),
    )
