"""The parts of a report: sections, figures, tables, and the run that they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from gnnvision._extras import missing_text
from gnnvision.data import ImageTask, MoleculeTask, NodeTask
from gnnvision.report.embedding import Embedding, embed_items
from gnnvision.report.images import image_task
from gnnvision.report.observe import Observed, observe
from gnnvision.report.predictions import predict_all
from gnnvision.report.tsne import Maps
from gnnvision.training import Result

__all__ = ["Figure", "Run", "Section", "Table"]


@dataclass(frozen=True)
class Figure:
    """One image file.

    Args:
        path: an SVG or a PNG.
        alt: the text alternative: what the figure shows.
        caption: the text below it.
    """

    path: Path
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """A table; every column after the first `text_columns` is aligned to the right.

    Args:
        head: the column heads.
        rows: the cells.
        text_columns: the number of columns with text.
        total: whether the last row is a sum.
        is_open: whether a table of many rows is open at first.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    text_columns: int = 1
    total: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Args:
        title: the heading.
        lead: what the section shows, in one or two sentences above it.
        figures: side by side where there is room.
        tables: next to the figures or below them.
        note: details on how to read it, below everything.
        wide: whether tables are always below the figures.
    """

    title: str
    lead: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    note: str = ""
    wide: bool = False


@dataclass
class Run:
    """A result and the folder of its figures.

    Args:
        result: what `fit` returned.
        figures: the folder of the figures.
        maps: the t-SNE maps that are begun already, if any.
    """

    result: Result
    figures: Path
    maps: Maps = field(default_factory=Maps)
    item: str = field(init=False)

    def __post_init__(self) -> None:
        # One of the two may have been moved since the training.
        there = next((p.device for p in self.result.model.parameters()), None)
        if there is not None:
            self.result = replace(self.result, task=self.result.task.to(there))
        self.item = self.result.task.card.kind or "item"

    @cached_property
    def without_figures(self) -> str:
        """Why this report has no figures, and the command that installs what is missing.

        Empty if figures can be drawn.
        """
        return missing_text("report", "Drawing the figures of a report")

    def draw(self, *figures: Callable[[], Figure]) -> list[Figure]:
        """The figures, drawn in this order; none where they cannot be drawn."""
        return [] if self.without_figures else [make() for make in figures]

    @property
    def unit(self) -> str:
        """The unit of the targets; empty if there is none."""
        return str(self.result.task.card.facts.get("unit", ""))

    @property
    def nodes(self) -> NodeTask:
        """The task, for sections of node tasks."""
        assert isinstance(self.result.task, NodeTask)
        return self.result.task

    @property
    def molecules(self) -> MoleculeTask:
        """The task, for sections of molecule tasks."""
        assert isinstance(self.result.task, MoleculeTask)
        return self.result.task

    @property
    def images(self) -> ImageTask:
        """The task with the images, for sections of image tasks."""
        task = image_task(self.result.task)
        assert task is not None
        return task

    @cached_property
    def observed(self) -> Observed | None:
        """Inputs, last hidden layer and outputs of the items; None if these are not vectors."""
        return observe(self.result.task, self.result.model)

    @cached_property
    def embedding(self) -> Embedding | None:
        """The features of the items; the first access starts a process that computes their maps.

        None if the items have no classes or no feature vectors.
        """
        if self.result.task.kind != "classification" or self.observed is None:
            return None
        return embed_items(self.observed, self.item, self.result.task.in_channels, self.maps)

    @cached_property
    def predictions(self) -> Tensor | None:
        """The kept model's predictions of all graphs; None for a task on anything else."""
        return predict_all(self.result)
