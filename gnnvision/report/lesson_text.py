"""Read a MyST notebook, and render its Markdown as HTML.

Code cells, admonitions, other directives, roles and links are read; what only the documentation
site has (links to its pages, its grids and tabs) becomes plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision.data.paths import refuse_special
from gnnvision.errors import invalid

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from markupsafe import Markup

__all__ = ["Block", "Cell", "Text", "read_lesson", "render_markdown"]

_OPENING = re.compile(r"(?P<fence>:{3,}|`{3,})\{(?P<kind>[\w:-]+)\}[ \t]*(?P<title>.*)")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_OPTION = re.compile(r":(?P<name>[\w-]+):[ \t]*(?P<value>.*)")
_ROLE = re.compile(r"\{([\w:+-]+)\}$")
_NOT_SHOWN = re.compile(r"(?m)^(?:%.*|\([\w-]+\)=|\+\+\+.*)$")  # comments, targets, breaks
_ADDRESS = re.compile(r"https?:|mailto:|#")
_SILENT = {"toctree", "index"}
_VERBATIM = {"math", "code", "code-block", "sourcecode", "parsed-literal"}
_CODE_ROLES = {"class", "func", "meth", "mod", "attr", "data", "exc", "obj"}


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Args:
        code: its lines, without options.
        tags: for example "hide-input".
        line: of the file, from 1, where the code begins.
    """

    code: str
    tags: frozenset[str]
    line: int


@dataclass(frozen=True)
class Text:
    """Markdown between code cells.

    Args:
        source: the Markdown.
        kind: of a directive, for example "note"; "" for text outside of directives.
        title: of a directive.
    """

    source: str
    kind: str = ""
    title: str = ""


Block = Cell | Text


def read_lesson(path: Path) -> list[Block]:
    """The text and the code cells of a MyST notebook, in order.

    Args:
        path: of the lesson, a Markdown file.

    Raises:
        ValueError: if the file cannot be read, or has no code cell.
    """
    refuse_special(path, "lessons")
    advice = (
        "Lessons are in docs/lessons of a checkout or of the source archive; the installed "
        "package has none."
    )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        got = f"{str(path)!r} ({reason})"
        raise invalid("lessons", "be readable files", got, advice) from error
    lines = text.split("\n")
    start = 0
    if lines[0] == "---" and "---" in lines[1:]:
        start = lines.index("---", 1) + 1
    blocks = list(_blocks(lines[start:], start + 1))
    if not any(isinstance(block, Cell) for block in blocks):
        got = f"{str(path)!r} without a code cell"
        raise invalid("lessons", "be MyST notebooks", got, advice)
    return blocks


def _blocks(lines: list[str], first: int = 1) -> Iterator[Block]:
    """Split Markdown at its directives; `first` is the number of the first line in its file."""
    text: list[str] = []
    i = 0
    while i < len(lines):
        opening, fence = _OPENING.match(lines[i]), _FENCE.match(lines[i])
        if not (opening or fence):
            text.append(lines[i])
            i += 1
            continue
        mark = opening["fence"] if opening else fence[1]  # type: ignore[index]
        end = i + 1
        while end < len(lines) and not _closes(lines[end], mark):
            end += 1
        if opening is None:
            text += lines[i : end + 1]
        else:
            if "".join(text).strip():
                yield Text("\n".join(text))
            text = []
            yield _directive(opening, lines[i + 1 : end], first + i + 1)
        i = end + 1
    if "".join(text).strip():
        yield Text("\n".join(text))


def _closes(line: str, mark: str) -> bool:
    line = line.strip()
    return len(line) >= len(mark) and set(line) == {mark[0]}


def _directive(opening: re.Match[str], body: list[str], line: int) -> Block:
    """A directive: its options, lines `:name: value` or YAML between two `---`, and its body."""
    options: dict[str, Any] = {}
    start = 0
    if body and body[0] == "---" and "---" in body[1:]:
        import yaml

        start = body.index("---", 1) + 1
        options = yaml.safe_load("\n".join(body[1 : start - 1])) or {}
    else:
        while start < len(body) and (option := _OPTION.match(body[start])):
            options[option["name"]] = option["value"]
            start += 1
    rest = body[start:]
    if opening["kind"] == "code-cell":
        tags = options.get("tags", [])
        if isinstance(tags, str):
            tags = re.findall(r"[\w-]+", tags)
        return Cell("\n".join(rest), frozenset(tags), line + start)
    return Text("\n".join(rest), opening["kind"], opening["title"])


def render_markdown(block: Text, lessons: Iterable[str] = ()) -> list[tuple[int, str, Markup]]:
    """Render Markdown; headings of the first two levels are split off.

    Args:
        block: text or a directive.
        lessons: the lessons on the same page, to which links lead; those to other pages of the
            documentation become plain text.

    Returns:
        In order, the level (1 or 2) and the text of a heading, or level 0 and HTML.
    """
    from markupsafe import Markup

    if block.kind:
        return [(0, "", _render_directive(block, lessons))]
    parser, env = _parser(), {"lessons": frozenset(lessons)}
    tokens = parser.parse(_NOT_SHOWN.sub("", block.source), env)
    parts: list[tuple[int, str, Markup]] = []
    waiting: list[Token] = []

    def flush() -> None:
        if waiting:
            html = parser.renderer.render(waiting, parser.options, env)
            parts.append((0, "", Markup(html)))
            waiting.clear()

    i = 0
    while i < len(tokens):
        if tokens[i].type == "heading_open" and tokens[i].tag in ("h1", "h2"):
            flush()
            text = "".join(child.content for child in tokens[i + 1].children or ())
            parts.append((int(tokens[i].tag[1]), text, Markup("")))
            i += 3
        else:
            waiting.append(tokens[i])
            i += 1
    flush()
    return parts


def _render_directive(block: Text, lessons: Iterable[str]) -> Markup:
    from markupsafe import Markup

    if block.kind in _SILENT:
        return Markup("")
    if block.kind in _VERBATIM:
        return Markup("<pre>{}</pre>").format(block.source.strip("\n"))
    inner = Markup("").join(
        html for part in _blocks(block.source.split("\n")) if isinstance(part, Text)
        for _, _, html in render_markdown(part, lessons)
    )  # fmt: skip
    title = block.title or block.kind.rpartition(":")[2].replace("-", " ").capitalize()
    heading = Markup(_parser().renderInline(title))
    if block.kind == "dropdown":
        return Markup("<details><summary>{}</summary>{}</details>").format(heading, inner)
    return Markup('<div class="admonition"><p class="name">{}</p>{}</div>').format(heading, inner)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # HTML in a lesson is shown, not interpreted.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.core.ruler.push("roles_and_links", _simplify)
    return parser


def _simplify(state: StateCore) -> None:
    """Turn roles into text or code, and links to other pages into text."""
    lessons = state.env.get("lessons", ())
    for token in state.tokens:
        children = token.children or []
        kept: list[Token] = []
        open_links: list[bool] = []
        for child in children:
            if child.type == "link_open":
                target = _target(str(child.attrGet("href")), lessons)
                open_links.append(bool(target))
                child.attrSet("href", target)
                if not target:
                    continue
            elif child.type == "link_close" and not open_links.pop():
                continue
            elif child.type == "code_inline" and kept and kept[-1].type == "text":
                role = _ROLE.search(kept[-1].content)
                if role:
                    kept[-1].content = kept[-1].content[: role.start()]
                    _apply_role(role[1], child)
            elif child.type == "image":  # its text instead
                child.type, child.tag = "text", ""
            kept.append(child)
        token.children = kept


def _target(address: str, lessons: Iterable[str]) -> str:
    """Where a link leads on the page; "" for another page of the documentation."""
    if _ADDRESS.match(address):
        return address
    name = Path(address.partition("#")[0]).stem
    return f"#lesson-{name}" if name in lessons else ""


def _apply_role(role: str, child: Token) -> None:
    name = role.rpartition(":")[2]
    titled = re.fullmatch(r"(.*?)\s*<[^>]*>", child.content)
    if titled:
        child.content = titled[1]
    elif child.content.startswith("~"):
        child.content = child.content.rpartition(".")[2]
    if name not in _CODE_ROLES:
        child.type, child.tag = "text", ""
