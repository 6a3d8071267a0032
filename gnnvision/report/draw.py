"""Draw the sections of a report, one after the other, and report how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gnnvision.report.parts import Run, Section
from gnnvision.report.sections import MakeSection

__all__ = ["Progress", "draw_sections"]

Progress = Callable[[int, int, str], object]


def draw_sections(
    run: Run, make: Sequence[MakeSection], progress: Progress | None = None
) -> list[Section]:
    """The sections that have something to show, in the order of the page.

    Args:
        run: the result, and the folder of the figures.
        make: the functions that make them, of `sections_of`.
        progress: called before each with its number from 1, how many there are, and its name.
    """
    sections = []
    for number, one in enumerate(make, 1):
        if progress is not None:
            progress(number, len(make), one.__name__.replace("_", " "))
        if (section := one(run)) is not None:
            sections.append(section)
    return sections
