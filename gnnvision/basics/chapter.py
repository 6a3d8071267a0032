"""What the page is made of: chapters, each with its pictures, tables and worked steps."""

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
    """What chapters are made from.

    Args:
        photo: the photograph.
        small: the same with half as many pixels along each side, in which single pixels show.
        figures: the folder of the pictures.
    """

    photo: Photo
    small: Photo
    figures: Path

    def path(self, name: str) -> Path:
        """Where the picture of this name goes."""
        return self.figures / f"{name}.png"


@dataclass(frozen=True)
class Steps:
    """Worked lines under a heading.

    Args:
        title: what is worked out.
        text: the lines.
        folded: whether they show only when asked for.
    """

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Chapter:
    """One subject of the page.

    Args:
        section: its words, pictures and tables.
        steps: what is worked out line by line.
        numbers: its results, for `result.json`.
    """

    section: Section
    steps: Sequence[Steps] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
