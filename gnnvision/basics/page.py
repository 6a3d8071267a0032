"""The page: convolution step by step, in one file that holds everything it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import torch.nn.functional as F

from gnnvision import report
from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.chapters_counting import connections, counting, exercises
from gnnvision.basics.chapters_formula import finding, formula, sizes
from gnnvision.basics.chapters_more import gradients, mended, pooling
from gnnvision.basics.chapters_photo import axes, borders, kernels
from gnnvision.basics.photo import Photo, load_photo
from gnnvision.report.embed import embed, size
from gnnvision.training.folder import replace_file, write_json
from gnnvision.training.result import versions
from gnnvision.training.threads import threads_for

__all__ = ["write_page"]

CHAPTERS: tuple[Callable[[Material], Chapter], ...] = (
    formula,
    finding,
    sizes,
    kernels,
    borders,
    axes,
    counting,
    exercises,
    connections,
    pooling,
    gradients,
    mended,
)
TITLE = "Convolution, from the formula to the picture"
ABOUT = (
    "What a convolution computes, what it looks for, how large its output is, how many numbers it "
    "learns, and why. Every number and every picture on this page was computed when it was made."
)


def write_page(folder: Path, photo: Photo | None = None, command: str = "") -> Path:
    """Write `report.html`, `result.json` and `figures/*.png` into a folder.

    Args:
        folder: one that exists.
        photo: the photograph of the examples; that of `load_photo` if not given.
        command: the command line that made it, for the page.

    Returns:
        The path of `report.html`: one file, without a script and without the network.
    """
    import jinja2

    photo = photo or load_photo()
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    half = F.interpolate(photo.pixels[None], scale_factor=0.5, mode="area")[0]
    material = Material(photo, replace(photo, pixels=half), figures)
    with threads_for(0):  # many small operations
        chapters = {make.__name__: make(material) for make in CHAPTERS}
    result = {
        "photo": photo.name,
        "chapters": {name: chapter.numbers for name, chapter in chapters.items()},
        "versions": versions(),
    }
    write_json(folder / "result.json", result)
    macros, look = _report_look()
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.FileSystemLoader(Path(__file__).parent),
                jinja2.DictLoader({"macros": macros}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {"embed": embed, "size": size}
    page = environment.get_template("template.html").render(
        title=TITLE,
        about=ABOUT,
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        chapters=list(chapters.values()),
        look=_trusted(look),
        command=command,
    )
    path = folder / "report.html"
    replace_file(path, page.encode())
    return path


def _report_look() -> tuple[str, str]:
    """The macros and the style of the reports' template, so that all pages look alike."""
    source = (Path(report.__file__).parent / "template.html").read_text(encoding="utf-8")
    macros, _, page = source.partition("<!doctype html>")
    return macros, page.partition("<style>")[2].partition("</style>")[0]


def _trusted(style: str) -> str:
    from markupsafe import Markup

    return Markup(style)  # our own file
