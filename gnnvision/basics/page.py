"""The page: convolution step by step, in one file that holds everything it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F

from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.chapters_counting import connections, counting, exercises
from gnnvision.basics.chapters_formula import finding, formula, sizes
from gnnvision.basics.chapters_more import gradients, mended, pooling
from gnnvision.basics.chapters_photo import axes, borders, kernels
from gnnvision.basics.photo import Photo, load_photo
from gnnvision.report.page import render
from gnnvision.training.folder import write_json
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
    return render(
        folder,
        Path(__file__).parent / "template.html",
        title=TITLE,
        about=ABOUT,
        chapters=list(chapters.values()),
        command=command,
    )
