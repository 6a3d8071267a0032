"""The page "Convolution step by step", as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F

from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.chapters_counting import connections, counting, exercises
from gnnvision.basics.chapters_formula import finding, formula, sizes
from gnnvision.basics.chapters_photo import axes, borders, kernels
from gnnvision.basics.chapters_pooling import errata, gradients, pooling
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
    errata,
)
TITLE = "Convolution step by step"
ABOUT = (
    "What a convolution computes, how large its output is, how many parameters it has, and how it "
    "relates to graph convolution. Every number and figure on this page was computed by the code "
    "that wrote it."
)


def write_page(
    folder: Path,
    photo: Photo | None = None,
    command: str = "",
    progress: Callable[[int, int, str], object] | None = None,
) -> Path:
    """Write `report.html`, `result.json` and the figures into a folder.

    Args:
        folder: an existing folder.
        photo: the photograph for the examples; by default that of `load_photo`.
        command: the command that reproduces the page.
        progress: called before each chapter with its number, the count and its name.

    Returns:
        The path of `report.html`, a single self-contained file.
    """
    photo = photo or load_photo()
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    height, width = photo.pixels.shape[1:]
    half = F.adaptive_avg_pool2d(photo.pixels, (height // 2, width // 2))
    material = Material(photo, replace(photo, pixels=half), figures)
    chapters = {}
    with threads_for(0):  # many small operations
        for number, make in enumerate(CHAPTERS, 1):
            if progress is not None:
                progress(number, len(CHAPTERS), make.__name__)
            chapters[make.__name__] = make(material)
    result = {
        "photo": photo.name,
        "chapters": {name: chapter.numbers for name, chapter in chapters.items()},
        "versions": versions(),
    }
    write_json(folder / "result.json", result)
    titles = [
        f"{number}. {chapter.section.title}" for number, chapter in enumerate(chapters.values(), 1)
    ]
    return render(
        folder,
        Path(__file__).parent / "template.html",
        titles + ["Reproduce"] * bool(command),
        title=TITLE,
        about=ABOUT,
        over="Convolution basics",
        foot="The numbers of this page are in result.json, the figures in the folder figures.",
        chapters=list(chapters.values()),
        command=command,
    )
