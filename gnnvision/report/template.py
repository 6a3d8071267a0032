"""Fill the templates of all pages: one base, one style, one script, inside the page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision.report.embed import markup

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Heading", "fill", "headings", "read_file"]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Heading:
    """A section's title and its id, for links to it."""

    title: str
    id: str


def headings(titles: Iterable[str]) -> list[Heading]:
    """The titles of a page with their ids, which are unique and follow from the titles alone.

    Example:
        >>> [place.id for place in headings(["Test predictions", "고양이 1", "Test predictions"])]
        ['test-predictions', '고양이-1', 'test-predictions-2']
    """
    out: list[Heading] = []
    used: set[str] = set()
    for title in titles:
        plain = re.sub(r"\W+", "-", title.casefold()).strip("-") or "section"
        number, name = 1, plain
        while name in used:
            number += 1
            name = f"{plain}-{number}"
        used.add(name)
        out.append(Heading(title, name))
    return out


def fill(template: Path, titles: Iterable[str] = (), **values: Any) -> str:  # noqa: ANN401
    """The HTML of a template that extends `base.html`.

    Args:
        template: a file; it may import the macros of `macros.html`.
        titles: of the sections, in the order of the page; the template gets them as `contents`.
        **values: what else it is given; `title` must be among them.
    """
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    given: dict[str, Any] = dict.fromkeys(
        ("about", "over", "foot", "index", "unseen", "command"), ""
    )
    given |= {"made": made, "contents": headings(titles), "pages": [], "explains": None}
    return _environment(template.parent).get_template(template.name).render(given | values)


def fill_macro(name: str, *arguments: object) -> str:
    """The HTML of a macro of `macros.html`."""
    macros = _environment(_HERE).get_template("macros.html").module
    return str(getattr(macros, name)(*arguments))


@cache
def read_file(name: str) -> str:
    """The text of a file next to this one."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _environment(folder: Path) -> Environment:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    files = {name: Markup(read_file(f"{name}.{kind}")) for name, kind in _INLINED}  # our own
    environment.globals |= {"markup": markup, **files}
    return environment


_INLINED = (("style", "css"), ("script", "js"))
