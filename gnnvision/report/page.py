"""Write a page of sections as one self-contained HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gnnvision._fonts import missing_note
from gnnvision.report.index import index_link, run_link, update_index
from gnnvision.report.parts import Section
from gnnvision.report.runs import PAGE_KINDS, note_page, run_folder_of
from gnnvision.report.template import fill
from gnnvision.training.folder import replace_file, utf8

__all__ = ["render", "write_page"]

_HERE = Path(__file__).parent


def write_page(
    folder: Path,
    title: str,
    about: str,
    sections: Sequence[Section],
    command: str = "",
    *,
    over: str = "",
    foot: str = "The figures of this page and the numbers behind them are in the folder figures.",
    explains: str | os.PathLike[str] | None = None,
) -> Path:
    """Write `report.html` into a folder, and a line about it into the index of all runs.

    Args:
        folder: one that exists.
        title: of the page.
        about: what it shows, in one or two sentences.
        sections: in order; their figures are files.
        command: the command line that made it.
        over: the kind of page, above the title; by default that of the script.
        foot: where the numbers are, below everything.
        explains: the run that the page is about, as its folder or a file in it; the page and
            the run's report link to each other. Any other text is not linked.

    Returns:
        The path of `report.html`, one self-contained file.
    """
    over = over or PAGE_KINDS.get(folder.parent.name, "Report")
    titles = [section.title for section in sections] + ["Reproduce"] * bool(command)
    return render(
        folder, _HERE / "page.html", titles, explains=explains,
        title=title, about=about, sections=sections, command=command, over=over, foot=foot,
    )  # fmt: skip


def render(
    folder: Path,
    template: Path,
    titles: Iterable[str],
    *,
    title: str,
    explains: str | os.PathLike[str] | None = None,
    **values: Any,  # noqa: ANN401
) -> Path:
    """Write `report.html` from a template, and a line about it into the index of all runs.

    Args:
        folder: one that exists.
        template: a file that extends "base.html"; it may import the macros of "macros.html".
        titles: of the sections; the template gets them with their ids as `contents`.
        title: of the page.
        explains: as for `write_page`.
        **values: what else the template is given.

    Returns:
        The path of `report.html`.
    """
    run = None if explains is None else run_folder_of(explains)
    page = fill(
        template,
        titles,
        title=title,
        index=index_link(folder),
        explains=None if run is None else run_link(run, folder),
        unseen=missing_note(folder),
        **values,
    )
    path = folder / "report.html"
    replace_file(path, utf8(page))
    note_page(folder, title, run)
    update_index(folder)
    return path
