"""The card of a data set: where it comes from, what belongs to it, how it is cited."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from gnnvision.data.frozen import FrozenDict
from gnnvision.data.root import datasets_folder

__all__ = ["Card", "DataFile", "PaperFigure", "SplitRule", "card_names", "read_card"]

T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Args:
        path: Its name inside the data set's folder.
        size: Its size in bytes; None where it is not known.
        sha256: Its SHA-256 in hexadecimal; None where it is not known.
    """

    path: str
    size: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ValueError(
                f"'sha256' must be 64 hexadecimal digits in lower case, got {self.sha256!r}. "
                "Leave it out where it is not known."
            )
        parts = Path(self.path).parts
        if not parts or ".." in parts or Path(self.path).is_absolute():
            raise ValueError(
                f"'path' must be a name inside the data set's folder, got {self.path!r}. "
                "Leave out '..' and the root."
            )


@dataclass(frozen=True)
class PaperFigure:
    """A published result to compare with.

    Args:
        model: The network.
        split: The name of the split.
        metric: The metric.
        value: A fraction, not percent.
        source: Where it was published.
        std: Its standard deviation, likewise.
        folds: Over how many folds of a cross-validation it is the mean; None for no folds.
        incomparable: Why no run of this project can be compared with it; empty if one can.
    """

    model: str
    split: str
    metric: str
    value: float
    source: str
    std: float | None = None
    folds: int | None = None
    incomparable: str = ""


@dataclass(frozen=True)
class SplitRule:
    """How a data set is split: sizes for a rule or a random draw, or the very indices.

    Args:
        description: The rule in words, for the report.
        per_class: Training items of each class.
        num_val: Validation items.
        num_test: Test items.
        train: Indices of the training items, where the card lists them itself.
        val: Indices of the validation items, likewise.
        test: Indices of the test items, likewise.
    """

    description: str
    per_class: int | None = None
    num_val: int | None = None
    num_test: int | None = None
    train: tuple[int, ...] = ()
    val: tuple[int, ...] = ()
    test: tuple[int, ...] = ()


@dataclass(frozen=True)
class Card:
    """What is known of a data set, read from `datasets/cards/<name>.toml`.

    Args:
        name: The name `load` takes.
        title: The name for people.
        kind: What one item is: "node", "graph", "image", "molecule".
        description: What the data set is, in two or three sentences.
        source: Where it was published.
        license: The license of the data, or that none is stated.
        citation: The paper to cite.
        embedded: Whether it comes with this package or a dependency, so that it is always there
            and can stand in for another one.
        urls: Folders on the web that hold the files, tried in order.
        folder: Their folder below the data root, in torch-geometric's or torchvision's layout.
        files: The files, with sizes and checksums where known.
        class_names: The classes in the order of the labels.
        class_names_source: How that order is known.
        splits: The rules of the splits by name.
        paper: Published results.
        facts: Numbers that describe the data, for a reader or a test to check.
        defaults: Usual training settings, as a hint.
    """

    name: str
    title: str
    kind: str
    description: str
    source: str
    license: str
    citation: str
    embedded: bool = False
    urls: tuple[str, ...] = ()
    folder: str = ""
    files: tuple[DataFile, ...] = ()
    class_names: tuple[str, ...] = ()
    class_names_source: str = ""
    splits: Mapping[str, SplitRule] = field(default_factory=dict, hash=False)
    paper: tuple[PaperFigure, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def split_rule(self, split: str) -> SplitRule:
        """The rule of one split.

        Raises:
            ValueError: The data set has no split of this name.
        """
        if split not in self.splits:
            known = ", ".join(repr(name) for name in self.splits)
            raise ValueError(
                f"'split' must be one of {known} for {self.name!r}, got {split!r}. Choose one."
            )
        return self.splits[split]


def read_card(path: Path) -> Card:
    """The card in one TOML file.

    Raises:
        ValueError: The file is no TOML, or an entry is missing, unknown or malformed.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        splits = table.pop("splits", {})
        if not isinstance(splits, dict):
            raise ValueError(f"'splits' must be a table, got {splits!r}. Write [splits.public].")
        table["splits"] = FrozenDict(
            {name: _record(SplitRule, rule, f"splits.{name}") for name, rule in splits.items()}
        )
        table["files"] = tuple(_record(DataFile, f, "files") for f in table.pop("files", []))
        table["paper"] = tuple(_record(PaperFigure, p, "paper") for p in table.pop("paper", []))
        table["facts"] = FrozenDict(table.pop("facts", {}))
        table["defaults"] = FrozenDict(table.pop("defaults", {}))
        return _record(Card, table, "card")
    except ValueError as error:  # TOMLDecodeError is one
        raise ValueError(f"The card {path} cannot be read: {error}") from error


def card_names() -> tuple[str, ...]:
    """The names of all cards, in alphabetical order."""
    return tuple(sorted(path.stem for path in (datasets_folder() / "cards").glob("*.toml")))


def _record(kind: type[T], entries: object, where: str) -> T:
    """An instance of the dataclass `kind`; lists become tuples, unknown keys an error."""
    if not isinstance(entries, dict):
        raise ValueError(f"'{where}' must be a table, got {entries!r}. See the other cards.")
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(entries) - known)
    if unknown:
        raise ValueError(f"'{where}' must hold only {sorted(known)}, got {unknown}. Remove them.")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in entries.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"'{where}' must be complete: {error}. Add what is missing.") from None
