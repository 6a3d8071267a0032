"""The chapters of the page, each with figures, tables and step-by-step calculations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnnvision.basics.photo import Photo
from gnnvision.report.parts import Section

__all__ = ["Chapter", "Material", "Steps"]


@dataclass(frozen=True)
class Material:
    """The input of every chapter.

    Args:
        photo: the photograph.
        small: the same at half the width and height, so that single pixels are visible.
        figures: the folder of the figures.
    """

    photo: Photo
    small: Photo
    figures: Path

    def png(self, name: str) -> Path:
        """The path of a figure that contains images."""
        return self.figures / f"{name}.png"

    def svg(self, name: str) -> Path:
        """The path of a figure of lines and text."""
        return self.figures / f"{name}.svg"


@dataclass(frozen=True)
class Steps:
    """A calculation under a heading.

    Args:
        title: the heading.
        text: the lines of the calculation.
        folded: whether it is collapsed at first.
    """

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Chapter:
    """One chapter of the page.

    Args:
        section: title, text, figures and tables.
        steps: step-by-step calculations.
        numbers: the results, for `result.json`.
    """

    section: Section
    steps: Sequence[Steps] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
