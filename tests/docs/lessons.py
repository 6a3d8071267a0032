"""Run a lesson of the documentation in this process."""

from pathlib import Path

import torch

from gnnvision.report.lesson import run_cells
from gnnvision.report.lesson_text import Cell, read_lesson

LESSONS = Path(__file__).resolve().parents[2] / "docs" / "lessons"


def run_lesson(name, folder, **values):
    """Run all cells of a lesson in an empty temporary folder.

    Args:
        name: of the lesson, "graphs".
        folder: where its figures go.
        **values: replace those of the cell tagged `parameters`.

    Returns:
        The names that the lesson leaves, and what it shows: a list of `Output` for each cell.
    """
    path = LESSONS / f"{name}.md"
    cells = [block for block in read_lesson(path) if isinstance(block, Cell)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return run_cells(cells, path, values, folder.resolve())
    finally:
        torch.set_num_threads(threads)


def printed(outputs):
    """All text that a lesson shows."""
    return "\n".join(one.text for shown in outputs for one in shown)
