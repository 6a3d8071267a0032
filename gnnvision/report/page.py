"""A page of sections, in one file that holds everything it shows, with the look of the reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gnnvision.report.embed import markup
from gnnvision.report.fonts import missing_note
from gnnvision.report.parts import Section
from gnnvision.training.folder import replace_file

__all__ = ["render", "report_look", "write_page"]

_HERE = Path(__file__).parent


def write_page(
    folder: Path,
    title: str,
    about: str,
    sections: Sequence[Section],
    command: str = "",
    *,
    over: str = "Report",
    foot: str = "The pictures of this page and the numbers behind them are in figures.",
) -> Path:
    """Write `report.html` into a folder.

    Args:
        folder: one that exists.
        title: of the page.
        about: what it shows, in one or two sentences.
        sections: in order; their pictures are files.
        command: the command line that made it, for the page.
        over: what kind of page it is, above the title.
        foot: where the numbers are, below everything.

    Returns:
        The path of `report.html`: one file, without a script and without the network.
    """
    values = {"title": title, "about": about, "over": over, "foot": foot}
    return render(folder, _HERE / "page.html", sections=sections, command=command, **values)


def render(folder: Path, template: Path, **values: Any) -> Path:  # noqa: ANN401
    """Write `report.html` from a template that uses the macros and the style of the reports.

    Args:
        folder: one that exists.
        template: a file; it may import `picture` and `table` from "macros", and is given
            `look`, `made` and `markup`.
        **values: what else it is given.

    Returns:
        The path of `report.html`.
    """
    import jinja2
    from markupsafe import Markup

    macros, look = report_look()
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.FileSystemLoader(template.parent), jinja2.DictLoader({"macros": macros})]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {"markup": markup}
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    page = environment.get_template(template.name).render(
        look=Markup(look),  # our own file
        made=made,
        unseen=missing_note(folder),
        **values,
    )
    path = folder / "report.html"
    replace_file(path, page.encode("utf-8", "backslashreplace"))
    return path


def report_look() -> tuple[str, str]:
    """The macros and the style of the reports' template, so that all pages look alike."""
    source = (_HERE / "template.html").read_text(encoding="utf-8")
    macros, _, page = source.partition("<!doctype html>")
    return macros, page.partition("<style>")[2].partition("</style>")[0]
