"""What a report is made of: sections, pictures, tables, and the run they are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from torch import Tensor

from gnnvision.report.answers import answers
from gnnvision.report.observe import Observed, observe
from gnnvision.training import Result

__all__ = ["Figure", "Run", "Section", "Table"]


@dataclass(frozen=True)
class Figure:
    """One image file.

    Args:
        path: the PNG.
        alt: what it shows, for those who cannot see it.
        caption: what to look at.
    """

    path: Path
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Cells of text; every column after the first `text_columns` is set flush right.

    Args:
        head: the names of the columns.
        rows: the cells.
        text_columns: how many columns hold words.
        total: whether the last row is a sum.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    total: bool = False


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Args:
        title: a heading.
        lead: what it shows, in one or two plain sentences above it.
        figures: side by side where there is room.
        tables: below them.
        note: how to read it exactly, below everything.
        wide: whether tables stand below the pictures also where there is room beside them.
    """

    title: str
    lead: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    note: str = ""
    wide: bool = False


@dataclass
class Run:
    """A result and the folder its report goes to.

    Args:
        result: what `fit` returned.
        figures: the folder of the pictures.
    """

    result: Result
    figures: Path
    item: str = field(init=False)

    def __post_init__(self) -> None:
        # One of the two may have been moved since the training.
        there = next((p.device for p in self.result.model.parameters()), None)
        if there is not None:
            self.result = replace(self.result, task=self.result.task.to(there))
        kind = self.result.task.card.kind or "item"
        self.item = {"image": "picture"}.get(kind, kind)

    @cached_property
    def observed(self) -> Observed | None:
        """What the chosen model does with each item; None where that cannot be told."""
        return observe(self.result.task, self.result.model)

    @cached_property
    def answered(self) -> Tensor | None:
        """What the chosen model says of each graph or molecule; None where there are none."""
        return answers(self.result)
