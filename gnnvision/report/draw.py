"""Draw the sections of a report, and report how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gnnvision.report.parts import Run, Section
from gnnvision.report.projection import projection
from gnnvision.report.sections import MakeSection

__all__ = ["Progress", "background_work", "draw_sections"]

Progress = Callable[[int, int, str], object]


@contextmanager
def background_work(run: Run, make: Sequence[MakeSection]) -> Iterator[None]:
    """A context in which another process computes the t-SNE maps, which take longest.

    Args:
        run: as for `draw_sections`, which is to be called in the block.
        make: as for `draw_sections`.
    """
    embedding = run.embedding if projection in make else None
    try:
        yield
    finally:
        if embedding is not None:
            embedding.maps.stop()


def draw_sections(
    run: Run, make: Sequence[MakeSection], progress: Progress | None = None
) -> list[Section]:
    """The sections that have something to show, in the order of the page.

    Args:
        run: the result, and the folder of the figures.
        make: the functions that make them, of `sections_of`.
        progress: called before each with its number from 1, how many there are, and its name.
    """
    made: dict[MakeSection, Section | None] = {}
    # What waits for `background_work` is drawn last.
    for number, one in enumerate(sorted(make, key=lambda one: one is projection), 1):
        if progress is not None:
            progress(number, len(make), one.__name__.replace("_", " "))
        made[one] = one(run)
    return [section for one in make if (section := made[one]) is not None]
