"""Directives of the reference: public names with a table, and the flags of a command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from public_names import Name, Scope, all_names, comment_of, members_of, public_bases
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["add_directives", "entries_of", "names_in_pages"]

HERE = Path(__file__).parent
LinkNames = Callable[[str, Scope], str]


def names_in_pages() -> dict[str, list[str]]:
    """Page -> the full names of its entries, from the sources of the pages."""
    found = {}
    for page in sorted((HERE / "api").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"(?ms)^\.\. entries:: (\w+)\n((?:   :\w+:[^\n]*\n)*)(.*?)^```", text)
        names = [name for face, options, body in blocks
                 for name in entries_of(face, body.split(), ":others:" in options)]  # fmt: skip
        modules = re.findall(r"(?m)^\.\. py:module:: (\S+)$", text)
        found[page.stem] = [*modules, *[name.full for name in names]]
    return found


def entries_of(face: str, words: list[str], others: bool = False) -> list[Name]:
    """The public names of a group.

    Args:
        face: the room.
        words: their short names.
        others: whether names of the room that are in no group of the reference are added.
    """
    by_short = {name.short: name for name in all_names().values() if name.face == face}
    unknown = [word for word in words if word not in by_short]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not in gnnvision.{face}.__all__")
    found = [by_short[word] for word in words]
    if others:
        text = "\n".join(
            p.read_text(encoding="utf-8") for p in sorted((HERE / "api").glob("*.md"))
        )
        blocks = re.findall(rf"(?ms)^\.\. entries:: {face}\n(.*?)^```", text)
        listed = {word for block in blocks for word in block.split()}
        found += [n for short, n in sorted(by_short.items()) if short not in listed]
    return found


def first_sentence(name: Name) -> str:
    """The summary of a name for the table."""
    doc = comment_of(name) if name.kind == "data" else inspect.getdoc(name.thing) or ""
    return " ".join(doc.split("\n\n")[0].split())


class Entries(SphinxDirective):
    """A table of public names of one room, and then their docstrings.

    .. entries:: layers
       :others:

       GCNConv GraphConv
    """

    has_content = True
    required_arguments = 1
    option_spec = {"others": directives.flag}  # noqa: RUF012
    link_names: LinkNames

    def run(self) -> list[nodes.Node]:
        """Write the table and the entries as reStructuredText, and parse that."""
        face = self.arguments[0]
        names = entries_of(face, " ".join(self.content).split(), "others" in self.options)
        if not names:
            return []
        lines = [".. list-table::", "   :widths: auto", "   :class: names", ""]
        for name in names:
            text = type(self).link_names(first_sentence(name), Scope(face)).replace("|", "\\|")
            lines += [f"   * - :py:obj:`{name.short} <{name.full}>`", f"     - {text}"]
        lines.append("")
        for name in names:
            lines += [*_entry(name, type(self).link_names), ""]
        return self.parse_text_to_nodes(StringList(lines, source=self.get_source_info()[0]))


def _entry(name: Name, link_names: LinkNames) -> list[str]:
    if name.kind == "data":
        text = comment_of(name)
        lines = [f".. py:data:: {name.full}", f"   :value: {_value(name.thing)}", ""]
        return [*lines, f"   {link_names(text, Scope(name.face))}"]
    if name.kind == "module":
        return [f".. automodule:: {name.full}", "   :members:"]
    lines = [f".. auto{name.kind}:: {name.full}"]
    if name.kind in ("class", "exception"):
        lines += ["   :show-inheritance:"] if public_bases(name.thing) else []
        members = members_of(name)
        lines += [f"   :members: {', '.join(members)}"] if members else []
    return lines


def _value(thing: Any) -> str:
    """A constant as it is written, shortened."""
    if get_origin(thing) is not None and get_args(thing):
        text = str(thing).replace("typing.", "").replace("collections.abc.", "")
        return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)
    if isinstance(thing, dict):
        return "{" + ", ".join(map(repr, thing)) + "}"
    return repr(thing)


class CommandFlags(SphinxDirective):
    """A section for each verb of `gnnvision`: its usage and flags, from the real parser."""

    def run(self) -> list[nodes.Node]:
        """Write the flags as the options of a program."""
        from gnnvision.cli.command import VERBS

        sections: list[nodes.Node] = []
        for verb, summary in VERBS.items():
            section = nodes.section(ids=[verb], names=[verb])
            title = nodes.title("", "", nodes.literal("", f"gnnvision {verb}"))
            lines = command_lines(verb, summary)
            text = StringList(lines, source=self.get_source_info()[0])
            section.extend([title, *self.parse_text_to_nodes(text)])
            self.state.document.note_implicit_target(section, section)
            sections.append(section)
        return sections


def command_lines(verb: str, summary: str) -> list[str]:
    """The usage, the examples and the flags of a verb, as reStructuredText."""
    from gnnvision.cli.flags import flags_of

    module = import_module(f"gnnvision.cli.command_{verb}")
    flags = flags_of(module.flags())
    about, examples = [], []
    for paragraph in inspect.cleandoc(module.__doc__ or summary).split("\n\n"):
        is_example = paragraph.startswith("gnnvision ")
        (examples if is_example else about).append(paragraph)
    words = [f"{f.option}{' ...' * is_many(f.kind)}" for f in flags if f.positional]
    lines = [*"\n\n".join(map(_code, about)).split("\n"), "", ".. code-block:: text", ""]
    lines += [f"   {' '.join(['gnnvision', verb, *words, '[FLAGS]'])}", ""]
    if examples:
        lines += [".. code-block:: console", ""]
        lines += [f"   $ {line}" for block in examples for line in block.splitlines()]
        lines.append("")
    lines += [f".. program:: gnnvision {verb}", ""]
    group = ""
    for flag in flags:
        if flag.group != group:
            group = flag.group
            lines += [f".. rubric:: {group[:1].upper()}{group[1:]}", ""]
        lines += [f".. option:: {_option(flag)}", "", f"   {_code(flag.help())}", ""]
    return lines


def _option(flag: Any) -> str:
    if flag.positional:
        return str(flag.metavar)
    if flag.kind in (bool, bool | None):
        return f"{flag.option}, {flag.option.replace('--', '--no-', 1)}"
    return f"{flag.option} {flag.metavar}{' ...' * is_many(flag.kind)}"


def is_many(kind: Any) -> bool:
    """Whether a flag takes several values."""
    return get_origin(kind) is tuple or any(get_origin(one) is tuple for one in get_args(kind))


def _code(text: str) -> str:
    """Plain text with `code` as reStructuredText."""
    parts = re.split(r"`([^`]+)`", text)
    parts[1::2] = [f"``{part}``" for part in parts[1::2]]
    parts[::2] = [re.sub(r"([*|_])(?=\W|$)|(?<!\w)([*|_])", r"\\\1\2", p) for p in parts[::2]]
    return "".join(parts)


def add_directives(app: Sphinx, link_names: LinkNames) -> None:
    """Add the directives, which write names with `link_names`."""
    Entries.link_names = staticmethod(link_names)
    app.add_directive("entries", Entries)
    app.add_directive("command-flags", CommandFlags)
    app.add_css_file("reference.css")
