"""Draw the sections of a report, and report how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from gnnvision._extras import missing
from gnnvision.data import NodeTask, Task
from gnnvision.domains import StoredGraph
from gnnvision.report.embedding import begin_inputs
from gnnvision.report.parts import Run, Section
from gnnvision.report.projection import projection
from gnnvision.report.sections import MakeSection, sections_of
from gnnvision.report.tsne import Maps

__all__ = ["Progress", "background_work", "draw_sections", "start_maps"]

Progress = Callable[[int, int, str], object]


_STARTED: ContextVar[Maps | None] = ContextVar("_STARTED", default=None)
_NICENESS = 10  # of the other process, for training comes first


@contextmanager
def start_maps(task: Task) -> Iterator[None]:
    """A block during which another process prepares the t-SNE maps of the report.

    Args:
        task: what is trained and reported in the block. The process imports scikit-learn, and maps
            the features of nodes. It is not started where the report has no maps.
    """
    if projection not in sections_of(task) or task.kind != "classification" or missing("report"):
        yield
        return
    maps = Maps()
    before = _STARTED.set(maps)
    try:
        maps.start(_NICENESS)
        if isinstance(task, NodeTask) and not isinstance(task.graph, StoredGraph):
            begin_inputs(task, maps)
        yield
    finally:
        _STARTED.reset(before)
        maps.stop()


@contextmanager
def background_work(run: Run, make: Sequence[MakeSection]) -> Iterator[None]:
    """A context in which another process computes the t-SNE maps, which take longest.

    Args:
        run: as for `draw_sections`, which is to be called in the block.
        make: as for `draw_sections`.
    """
    run.maps = _STARTED.get() or run.maps
    try:
        if projection in make:
            _ = run.embedding  # begins the maps
        yield
    finally:
        run.maps.stop()


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
