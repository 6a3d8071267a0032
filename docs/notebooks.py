"""Lessons as notebooks for a hosted service, also in Korean, with a cell that installs."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbformat
from babel.messages import pofile
from markdown_it import MarkdownIt

__all__ = ["translate", "write_all"]

INSTALL = """try:
    import gnnvision
except ImportError:  # a hosted notebook
    %pip install --quiet "gnnvision[all]\""""
PARSER = MarkdownIt("commonmark").enable("table")


def write_all(docs: Path, folder: Path, language: str) -> None:
    """Write each lesson of `docs` as `folder/NAME.ipynb`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((docs / "lessons").glob("*.md")):
        notebook = jupytext.read(path)
        if "kernelspec" not in notebook.metadata:
            continue  # the list of lessons
        messages = _messages(
            docs / "locale" / language / "LC_MESSAGES/lessons" / f"{path.stem}.po"
        )
        shown = [c for c in notebook.cells if "remove-cell" not in c.metadata.get("tags", [])]
        notebook.cells = shown
        for cell in shown:
            if cell.cell_type == "markdown":
                cell.source = _for_jupyter(translate(cell.source, messages))
            tags = cell.metadata.get("tags", [])
            if "hide-cell" in tags or "hide-input" in tags:  # as on the site, folded
                folded = {"source_hidden": True, "outputs_hidden": "hide-cell" in tags}
                cell.metadata["jupyter"] = folded
        notebook.cells.insert(1, nbformat.v4.new_code_cell(INSTALL))
        nbformat.write(notebook, folder / f"{path.stem}.ipynb")


def _messages(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as file:
        catalog = pofile.read_po(file)
    return {m.id: m.string for m in catalog if m.id and m.string and not m.fuzzy}


def translate(text: str, messages: dict[str, str]) -> str:
    """Replace each paragraph, heading, list item and table cell that has a translation."""
    # A paragraph ends at a directive's fence, also without an empty line.
    text = re.sub(r"(?m)^(:::+.*)$", r"\n\1\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
    lines = [_titled(line, messages) for line in text.split("\n")]
    for token in reversed([t for t in PARSER.parse(text) if t.type == "inline" and t.map]):
        source = " ".join(token.content.split("\n"))
        if source not in messages:
            continue
        start, end = token.map
        if end - start == 1 or "|" not in lines[start]:
            joined = "\n".join(lines[start:end])
            lines[start:end] = [joined.replace(token.content, messages[source], 1)]
    return "\n".join(lines)


def _titled(line: str, messages: dict[str, str]) -> str:
    """The first line of a directive with its title translated; any other line as it is."""
    opened = re.match(r"(:::+\{\w+\}\s+)(.+)", line)
    return opened[1] + messages.get(opened[2], opened[2]) if opened else line


def _for_jupyter(text: str) -> str:
    """Write directives and roles of the site as plain Markdown."""
    text = re.sub(r"\{[a-z]+(?::[a-z]+)?\}`(?:([^`<]+) <[^`>]*>|(~?)([^`]+))`", _role, text)
    out, inside = [], False
    for line in text.split("\n"):
        opened = re.match(r":::+\{(\w+)\}\s*(.*)", line)
        if opened:
            inside = True
            out.append(f"> **{opened[2] or opened[1].capitalize()}**")
            out.append(">")
        elif re.match(r":::+\s*$", line):
            inside = False
        elif inside and re.match(r":[\w-]+:", line):
            continue  # an option of the directive
        else:
            out.append(f"> {line}".rstrip() if inside else line)
    return re.sub(r"(?:^>\n)+", ">\n", "\n".join(out), flags=re.MULTILINE).rstrip("\n>")


def _role(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    return f"`{match[3].rpartition('.')[2] if match[2] else match[3]}`"
