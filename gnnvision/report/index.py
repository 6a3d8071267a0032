"""The index of all runs, and the links between a run and the pages that explain it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from gnnvision.report.parts import Table
from gnnvision.report.runs import RunEntry, link, pages_about, read_runs, runs_root
from gnnvision.report.template import fill, fill_macro
from gnnvision.report.words import capitalized, plural
from gnnvision.training.folder import replace_file

__all__ = ["Links", "index_link", "page_links", "run_link", "update_index", "write_index"]

_HERE = Path(__file__).parent
_MARK = "<!-- pages about this run -->", "<!-- end of pages about this run -->"
_TRIES = 3  # another process may finish a run while the index is written
_RUNS = ("Date", "Experiment", "Dataset", "Network", "Pages", "Status", "Metric", "Test", "Seeds")
_PAGES = ("Date", "Kind", "About", "Page")


@dataclass(frozen=True)
class Links:
    """A table cell of links.

    Args:
        links: text and address of each.
    """

    links: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return " ".join(text for text, _ in self.links)

    def __html__(self) -> str:
        return fill_macro("links", self.links)


def update_index(folder: Path) -> None:
    """Bring the index of all runs up to date after a page was written into a run folder.

    If that page explains a run, the run's own page gets a link to it. Nothing happens if the
    folder is not in a folder of all runs (see `runs_root`), or if that cannot be written.

    Args:
        folder: the run folder whose `report.html` was written.
    """
    root = runs_root(folder)
    if root is None:
        return
    with contextlib.suppress(OSError):
        entries = write_index(root)
        folder = Path(os.path.abspath(folder))
        for entry in entries:
            if entry.folder == folder and entry.explains is not None:
                _link_pages(entry.explains, entries)


def write_index(root: Path) -> list[RunEntry]:
    """Write `index.html` into the folder of all runs; the runs in it.

    An `index.html` that gnnvision did not write is left alone.

    Raises:
        OSError: if it cannot be written.
    """
    path = root / "index.html"
    entries = read_runs(root)
    if not _is_ours(path):
        return entries
    for _ in range(_TRIES):
        page = _index(root, entries)
        replace_file(path, page.encode("utf-8", "backslashreplace"))
        before, entries = entries, read_runs(root)
        if entries == before:
            break
    return entries


def index_link(folder: Path) -> str:
    """The address of the index from a run folder; empty if there is no index."""
    root = runs_root(folder)
    if root is None or not _is_ours(root / "index.html") or not os.access(root, os.W_OK):
        return ""
    return link(root / "index.html", Path(os.path.abspath(folder)))


def run_link(explains: Path, folder: Path) -> tuple[str, str]:
    """The name of the run that a page explains, and the address of its report, or "".

    Args:
        explains: the folder of the run.
        folder: of the page.
    """
    report = explains / "report.html"
    known = os.path.isfile(report)  # also of a name that no system can have
    address = link(report, Path(os.path.abspath(folder))) if known else ""
    return f"{explains.parent.name}/{explains.name}", address


def page_links(run: Path, entries: list[RunEntry] | None = None) -> list[tuple[str, str]]:
    """Text and address of each page that explains a run.

    Args:
        run: the run folder.
        entries: where to look for them; those next to the run if not given.
    """
    run = Path(os.path.abspath(run))
    root = runs_root(run)
    held = {} if root is None else {entry.folder: entry for entry in read_runs(root)}
    held |= {entry.folder: entry for entry in entries or ()}
    pages = pages_about(run, list(held.values()))
    return [(f"{p.kind}, {p.date}", link(p.folder / "report.html", run)) for p in pages]


def _link_pages(run: Path, entries: list[RunEntry]) -> None:
    """Rewrite the links in the page of a run to the pages that explain it."""
    report = run / "report.html"
    try:
        text = report.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    before, start, rest = text.partition(_MARK[0])
    _, end, after = rest.partition(_MARK[1])
    if start and end:
        text = before + start + fill_macro("pages_about", page_links(run, entries)) + end + after
        replace_file(report, text.encode("utf-8"))


def _is_ours(path: Path) -> bool:
    """Whether there is no such file, or it was written by `write_index`."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return '<meta name="generator" content="gnnvision">' in file.read(1000)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _index(root: Path, entries: list[RunEntry]) -> str:
    runs = [entry for entry in entries if not entry.is_page]
    known = {entry.folder for entry in runs}
    others = [entry for entry in entries if entry.is_page and entry.explains not in known]
    tables = [Table(_RUNS, [_run_row(root, run, entries) for run in runs], 7, is_open=True)]
    if others:
        tables.append(Table(_PAGES, [_page_row(root, page) for page in others], 4, is_open=True))
    about = f"In “{root.name}”: {plural(len(runs), 'training run')}"
    about += f" and {plural(len(entries) - len(runs), 'other page')}." if others else "."
    return fill(
        _HERE / "index.html",
        ["Training runs", "Other pages"][: len(tables)],
        title="Runs",
        about=about,
        over="Index of all runs",
        tables=tables,
    )


def _run_row(root: Path, run: RunEntry, entries: list[RunEntry]) -> tuple[object, ...]:
    pages = [run] if run.has_report else []
    pages += pages_about(run.folder, entries)
    links = [
        ("Report" if page is run else page.kind, link(page.folder / "report.html", root))
        for page in pages
    ]
    status = "complete" if run.is_complete else "incomplete"
    seeds = str(run.seeds or "")
    return (
        run.date, run.experiment, run.title, capitalized(run.network), Links(tuple(links)), status,
        run.metric, run.test, seeds,
    )  # fmt: skip


def _page_row(root: Path, page: RunEntry) -> tuple[object, ...]:
    subject: object = page.title
    if page.explains is not None:
        name, address = run_link(page.explains, root)
        subject = Links(((name, address),))
    report = (
        ((page.title or page.kind, link(page.folder / "report.html", root)),)
        if page.has_report
        else ()
    )
    return page.date, page.kind, subject, Links(report)
