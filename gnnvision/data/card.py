"""Dataset cards: source, license, files with checksums, citation, splits, published results."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from gnnvision._renamed import current_arguments, former_fields
from gnnvision.data.frozen import FrozenDict
from gnnvision.data.root import datasets_folder
from gnnvision.errors import invalid, one_of

__all__ = ["Card", "DataFile", "PaperFigure", "SplitRule", "card_names", "read_card"]

T = TypeVar("T")
_RENAMED = {"licence": "license"}  # since version 0.1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset.

    Args:
        path: The path relative to the dataset's folder.
        size: The size in bytes; None if unknown.
        sha256: The SHA-256 in hexadecimal; None if unknown.
    """

    path: str
    size: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            condition = "be 64 hexadecimal digits in lower case"
            raise invalid("sha256", condition, repr(self.sha256), "Leave it out if unknown.")
        parts = Path(self.path).parts
        if not parts or ".." in parts or Path(self.path).is_absolute():
            condition = "be a relative path inside the dataset's folder"
            raise invalid("path", condition, repr(self.path), "Remove '..' and a leading '/'.")


@dataclass(frozen=True)
class PaperFigure:
    """A published result to compare with.

    Args:
        model: The name of the model.
        split: The name of the split.
        metric: The name of the metric.
        value: The value, as a fraction rather than percent.
        source: The publication.
        std: The standard deviation, as a fraction; None if unknown.
        folds: The number of cross-validation folds that `value` is a mean over; None for none.
        incomparable: Why results of this package are not comparable with it; empty if they are.
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
    """How a dataset is split: the sizes of a rule or of a random split, or the indices.

    Args:
        description: The rule as text, for reports.
        per_class: The number of training items of each class.
        num_val: The number of validation items.
        num_test: The number of test items.
        train: The indices of the training items, if the card lists them.
        val: The indices of the validation items, if the card lists them.
        test: The indices of the test items, if the card lists them.
    """

    description: str
    per_class: int | None = None
    num_val: int | None = None
    num_test: int | None = None
    train: tuple[int, ...] = ()
    val: tuple[int, ...] = ()
    test: tuple[int, ...] = ()


@former_fields(_RENAMED)
@dataclass(frozen=True)
class Card:
    """The description of a dataset, read from `datasets/cards/<name>.toml`.

    Args:
        name: The name for `load`.
        title: The name in texts and figures.
        kind: What one item is: "node", "graph", "image" or "molecule".
        description: A description in two or three sentences.
        source: The publication or address the data come from.
        license: The license of the data, or that none is stated.
        citation: The papers to cite.
        embedded: Whether the data come with this package or a dependency, so that they need no
            download and can replace a dataset that is unavailable.
        urls: Base addresses for the download, tried in order.
        folder: The folder below the data root, in torch-geometric's or torchvision's layout.
        files: The files, with sizes and checksums if known.
        class_names: The classes in the order of the labels.
        class_names_source: How that order is known.
        splits: The rules of the splits by name.
        paper: Published results to compare with.
        facts: Sizes and statistics of the data, for readers and for checks of the files.
        defaults: Common hyperparameters, as a suggestion.
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
        """The rule of the split with this name.

        Raises:
            ValueError: The dataset has no such split.
        """
        return self.splits[one_of("split", split, self.splits)]


def read_card(path: Path) -> Card:
    """Read a card from a TOML file.

    Args:
        path: of the TOML file.

    Raises:
        ValueError: The file is not TOML, or an entry is missing, unknown or malformed.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        table = current_arguments(_RENAMED, table)
        splits = table.pop("splits", {})
        if not isinstance(splits, dict):
            raise invalid("splits", "be a table", repr(splits), "Write [splits.public].")
        table["splits"] = FrozenDict(
            {name: _record(SplitRule, rule, f"splits.{name}") for name, rule in splits.items()}
        )
        table["files"] = tuple(_record(DataFile, f, "files") for f in table.pop("files", []))
        table["paper"] = tuple(_record(PaperFigure, p, "paper") for p in table.pop("paper", []))
        table["facts"] = FrozenDict(table.pop("facts", {}))
        table["defaults"] = FrozenDict(table.pop("defaults", {}))
        return _record(Card, table, "card")
    except (TypeError, ValueError) as error:  # TOMLDecodeError is a ValueError
        raise ValueError(f"The card {path} cannot be read: {error}") from error


def card_names() -> tuple[str, ...]:
    """The names of all dataset cards, in alphabetical order."""
    return tuple(sorted(path.stem for path in (datasets_folder() / "cards").glob("*.toml")))


def _record(kind: type[T], entries: object, where: str) -> T:
    """An instance of the dataclass `kind`; lists become tuples, unknown keys raise an error."""
    if not isinstance(entries, dict):
        raise invalid(where, "be a table", repr(entries), "See the other cards.")
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(entries) - known)
    if unknown:
        raise invalid(where, f"have only the keys {sorted(known)}", unknown, "Remove them.")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in entries.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(
            f"'{where}' must have all required keys: {error}. Add the missing ones."
        ) from None
