"""Lessons as one page: run the code cells of MyST notebooks and show what they print and draw.

The documentation site runs the same files with Jupyter; here they run in this process.
"""

from __future__ import annotations

import ast
import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision._extras import require_extra
from gnnvision._fonts import set_fonts
from gnnvision.errors import invalid
from gnnvision.report.embed import size
from gnnvision.report.lesson_text import Block, Cell, read_lesson, render_markdown
from gnnvision.report.page import render
from gnnvision.training.folder import write_json
from gnnvision.training.result import versions
from gnnvision.training.threads import threads_for

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

__all__ = ["Output", "run_cells", "write_lesson"]

_SHARPNESS = 2  # pixels of a figure's file for each of its pixels on the page


@dataclass(frozen=True)
class Output:
    """One thing that a cell shows: text, HTML or a figure.

    Args:
        text: what was printed, or the text of a value.
        html: of an object with `_repr_html_`, which must escape what it holds.
        path: of a figure's PNG file.
        alt: the text alternative of the figure.
    """

    text: str = ""
    html: Markup | str = ""
    path: Path | None = None
    alt: str = ""

    @property
    def width(self) -> int:
        """The width in pixels of a figure on the page."""
        return 0 if self.path is None else size(self.path)[0] // _SHARPNESS


@dataclass
class _Section:
    """A heading of the first or second level, and what is below it."""

    title: str
    is_lesson: bool
    lesson: str
    blocks: list[Any] = field(default_factory=list)  # Markup, or a pair of Cell and outputs


def write_lesson(
    folder: Path,
    lessons: Sequence[Path],
    values: Mapping[str, object] | None = None,
    *,
    title: str,
    about: str,
    command: str = "",
    progress: Callable[[int, int, str], object] | None = None,
) -> Path:
    """Run lessons and write `report.html`, `result.json` and the figures into a folder.

    A lesson is a MyST notebook: Markdown with code cells. Each runs with separate names, in an
    empty temporary folder. Its dictionary `results`, if it makes one, is its chapter of
    `result.json`. Of the cells' tags, `hide-input`, `hide-output` and `hide-cell` fold a part,
    and `remove-input`, `remove-output` and `remove-cell` leave it out.

    Args:
        folder: an existing folder.
        lessons: the files, in order.
        values: replace the names with which a cell tagged `parameters` begins a lesson.
        title: of the page.
        about: what it shows, in one or two sentences.
        command: the command that reproduces the page.
        progress: called before each lesson with its number, the count and its name.

    Returns:
        The path of `report.html`, a single self-contained file.

    Raises:
        ValueError: if a lesson is missing, or none has a parameter with the name of a value.
    """
    require_extra("report", "A lesson")
    values = values or {}
    read = {path.stem: read_lesson(path) for path in lessons}
    _check_values(read.values(), values)
    folder_here, folder = folder, folder.absolute()  # lessons run in another folder
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    sections: list[_Section] = []
    chapters: dict[str, object] = {}
    with threads_for(0):  # many small operations
        for number, path in enumerate(lessons, 1):
            name, blocks = path.stem, read[path.stem]
            if progress is not None:
                progress(number, len(lessons), name)
            cells = [block for block in blocks if isinstance(block, Cell)]
            names, outputs = run_cells(cells, path, values, figures)
            sections += _sections(name, blocks, outputs, read.keys())
            chapters[name] = names.get("results", {})
    inputs = {name: _plain(value) for name, value in values.items()}
    result = {"inputs": inputs, "chapters": chapters, "versions": versions()}
    write_json(folder / "result.json", result)
    _number(sections)
    render(
        folder,
        Path(__file__).parent / "lesson.html",
        [one.title for one in sections] + ["Reproduce"] * bool(command),
        title=title,
        about=about,
        over="Lessons" if len(lessons) > 1 else "Lesson",
        foot="The numbers of this page are in result.json, the figures in the folder figures.",
        sections=sections,
        code_style=_code_style(),
        command=command,
    )
    return folder_here / "report.html"


def run_cells(
    cells: Sequence[Cell], path: Path, values: Mapping[str, object], figures: Path
) -> tuple[dict[str, Any], list[list[Output]]]:
    """Run the cells of a lesson in this process, in an empty temporary folder.

    Args:
        cells: in order.
        path: the lesson, which a traceback names with the line.
        values: replace names of a cell tagged `parameters` after it ran.
        figures: the folder of the figures, an absolute path.

    Returns:
        The names that the lesson leaves, and what each cell shows.
    """
    import matplotlib
    from matplotlib import pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    shown: list[list[Output]] = []
    backend, show = matplotlib.get_backend(), plt.show
    with (
        tempfile.TemporaryDirectory() as empty,
        contextlib.chdir(empty),
        matplotlib.rc_context(),
    ):
        plt.switch_backend("agg")
        try:
            for cell in cells:
                screen = _Screen(figures, path.stem, sum(map(len, shown)))
                plt.show = screen.show_figures
                names["display"] = screen.display
                with contextlib.redirect_stdout(screen.printed):
                    _run(cell, path, names, screen)
                if "parameters" in cell.tags:
                    given = {k: v for k, v in values.items() if k in _assigned(cell)}
                    names |= given
                    for name, value in given.items():
                        print(
                            f"{name} = {_plain(value)!r}  # set by this run", file=screen.printed
                        )
                shown.append(screen.finish())
        finally:
            plt.show = show
            plt.close("all")
            plt.switch_backend(backend)
    return names, shown


class _Screen:
    """What a cell shows, in order."""

    def __init__(self, figures: Path, lesson: str, first: int) -> None:
        self.figures, self.lesson, self.number = figures, lesson, first
        self.printed = io.StringIO()
        self.outputs: list[Output] = []

    def display(self, *objects: object) -> None:
        """Show objects as a notebook does."""
        from markupsafe import Markup
        from matplotlib.figure import Figure

        for one in objects:
            self._take_printed()
            if isinstance(one, Figure):
                self._save(one)
            elif hasattr(one, "_repr_html_"):
                self.outputs.append(Output(html=Markup(one._repr_html_())))
            else:
                self.outputs.append(Output(repr(one)))

    def show_figures(self, *args: object, **options: object) -> None:
        """The `plt.show` of a lesson: save all open figures and close them."""
        from matplotlib import pyplot as plt

        self._take_printed()
        for number in plt.get_fignums():
            self._save(plt.figure(number))
        plt.close("all")

    def finish(self) -> list[Output]:
        """All outputs; figures that are still open come last."""
        self.show_figures()
        return self.outputs

    def _take_printed(self) -> None:
        text = self.printed.getvalue()
        if text.strip():
            self.outputs.append(Output(text.rstrip("\n")))
        self.printed.seek(0)
        self.printed.truncate()

    def _save(self, figure: Figure) -> None:
        path = self.figures / f"{self.lesson}_{self.number + len(self.outputs) + 1}.png"
        parts = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
        text = "; ".join(" ".join(part.split()) for part in parts if part)
        set_fonts(figure, path)  # which may write numbers in place of words
        dpi = _SHARPNESS * figure.dpi
        figure.savefig(path, dpi=dpi, bbox_inches="tight", facecolor="white", metadata={})
        self.outputs.append(Output(path=path, alt=f"Figure: {text}" if text else "Figure"))


def _run(cell: Cell, path: Path, names: dict[str, Any], screen: _Screen) -> None:
    """Run a cell, and show the value of its last expression."""
    tree = ast.increment_lineno(ast.parse(cell.code, str(path)), cell.line - 1)
    last = tree.body[-1] if tree.body else None
    is_shown = isinstance(last, ast.Expr) and not cell.code.rstrip().endswith(";")
    body = tree.body[:-1] if is_shown else tree.body
    exec(compile(ast.Module(body, []), str(path), "exec", dont_inherit=True), names)
    if is_shown:
        assert isinstance(last, ast.Expr)
        code = compile(ast.Expression(last.value), str(path), "eval", dont_inherit=True)
        value = eval(code, names)
        if value is not None and not _is_artist(value):
            screen.display(value)


def _is_artist(value: object) -> bool:
    """Whether it is what a plotting function returns, which its figure shows."""
    from matplotlib.artist import Artist

    if isinstance(value, list | tuple) and value:
        return all(map(_is_artist, value))
    return isinstance(value, Artist)


def _assigned(cell: Cell) -> set[str]:
    """The names to which a cell assigns."""
    found = (node for node in ast.walk(ast.parse(cell.code)) if isinstance(node, ast.Name))
    return {node.id for node in found if isinstance(node.ctx, ast.Store)}


def _check_values(lessons: Iterable[Sequence[Block]], values: Mapping[str, object]) -> None:
    """Refuse a value that would change nothing."""
    cells = (block for blocks in lessons for block in blocks if isinstance(block, Cell))
    known = {name for cell in cells if "parameters" in cell.tags for name in _assigned(cell)}
    for name in values:
        if name not in known:
            condition = "have the names of the lessons' parameters"
            advice = f"These are: {', '.join(sorted(known)) or 'none'}."
            raise invalid("values", condition, repr(name), advice)


def _sections(
    name: str, blocks: Sequence[Block], outputs: Iterable[list[Output]], lessons: Iterable[str]
) -> Iterator[_Section]:
    """The parts of a lesson, each below a heading of the first or second level."""
    section = _Section(name, True, name)
    shown = iter(outputs)
    for block in blocks:
        if isinstance(block, Cell):
            section.blocks.append((block, _colored(block.code), next(shown)))
            continue
        for level, text, html in render_markdown(block, lessons):
            if level:
                if section.blocks or section.title != name:
                    yield section
                section = _Section(text, level == 1, name)
            else:
                section.blocks.append(html)
    yield section


def _number(sections: Sequence[_Section]) -> None:
    """Write 1, 1.1, 1.2, 2 ... before the titles, if the page has several lessons."""
    if sum(one.is_lesson for one in sections) < 2:
        return
    lesson = part = 0
    for one in sections:
        lesson, part = (lesson + 1, 0) if one.is_lesson else (lesson, part + 1)
        one.title = f"{lesson}. {one.title}" if one.is_lesson else f"{lesson}.{part} {one.title}"


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _colored(code: str) -> Markup:
    """Python as HTML, colored by its syntax."""
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)))


def _code_style() -> Markup:
    """The colors of code on a light and on a dark page."""
    from markupsafe import Markup
    from pygments.formatters import HtmlFormatter

    def rules(style: str) -> str:
        lines = HtmlFormatter(style=style).get_style_defs(".code").splitlines()
        return "\n".join(line for line in lines if line.startswith(".code ."))

    light, dark = rules("default"), rules("github-dark")
    return Markup(f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}")
