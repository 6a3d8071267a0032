"""Command-line flags from a dataclass: their values, and their help; neither imports torch.

A field is a flag, its default the flag's default, and its entry in the docstring's `Args` the
flag's help. Class variables contain the rest; those of a base class are extended:

    groups      heading -> names of the flags below it
    own_group   heading of the flags that no group names; by default the first one
    metavars    flag -> placeholder of its value in the help, such as FOLDER
    arguments   flag that is given without a name -> its placeholder, such as RUN
    recipes     name -> recipe, which has the flag's value where the flag is not given
    former      former name of a flag, which keeps working -> its name
    left_out    names of inherited fields that are not flags here
"""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
import sys
import textwrap
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from gnnvision.errors import invalid, nearest, one_of

__all__ = ["Flag", "described", "flags_of", "format_help", "given_values"]

_PLACEHOLDERS = {int: "INT", float: "NUMBER", Path: "PATH", str: "TEXT"}
_NUMBERS = {int: "an integer", float: "a number"}
_WIDEST = 44  # characters; longer lists of choices go into the text
_LONGEST = 300  # of a value in an error


@dataclass(frozen=True)
class Flag:
    """One flag of a script.

    Args:
        name: of the field.
        kind: its annotation.
        default: its default; `dataclasses.MISSING` if it must be given.
        text: its help.
        group: the heading that it stands under.
        metavar: what stands for its value in the help.
        positional: whether it is given without a name.
        usual: the values that recipes give it: name of the recipe -> value.
        former: its former names, which keep working.
    """

    name: str
    kind: Any
    default: Any
    text: str
    group: str
    metavar: str
    positional: bool
    usual: Mapping[str, Any]
    former: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """As it is written on a command line, or as its placeholder if it is positional."""
        return self.metavar if self.positional else f"--{self.name.replace('_', '-')}"

    @property
    def choices(self) -> tuple[Any, ...]:
        """What it can be, if only certain values are possible."""
        return tuple(c for kind in _kinds(self.kind) for c in get_args(kind)
                     if get_origin(kind) is Literal)  # fmt: skip

    def value(self, text: str) -> Any:  # noqa: ANN401
        """The value that a text on the command line stands for.

        Raises:
            ValueError: if it stands for none.
        """
        advice = ""
        for kind in _kinds(self.kind):
            if kind in (str, Path):
                return kind(text)
            if kind in _NUMBERS:
                try:
                    return kind(text)
                except ValueError:
                    advice = _NUMBERS[kind]
        for choice in self.choices:
            if text.replace("-", "_") == str(choice).replace("-", "_"):
                return choice
        if not advice:
            return one_of(self.option, text, self.choices)
        also = [f" or one of {', '.join(map(repr, self.choices))}"] if self.choices else []
        raise invalid(self.option, f"be {advice}{''.join(also)}", repr(text[:_LONGEST]))

    def help(self) -> str:
        """Its help, with the default."""
        text = self.text
        if len(self.choices) > 1 and self.metavar.isupper():
            text += f" One of {', '.join(map(str, self.choices))}."
        default = self._default()
        return f"{text} (default: {default})".lstrip() if default else text

    def _default(self) -> str:
        if self.default is None and self.usual:
            by_value: dict[Any, list[str]] = {}
            for recipe, value in self.usual.items():
                by_value.setdefault(value, []).append(recipe)
            if len(by_value) == 1:
                return str(next(iter(by_value)))
            return "; ".join(f"{v} for {_listed(names)}" for v, names in by_value.items())
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        if isinstance(self.default, tuple):
            return " ".join(map(str, self.default))
        return "" if self.default in (None, MISSING) else str(self.default)


def flags_of(config: type[Any]) -> list[Flag]:
    """The flags that a dataclass declares, in the order of its groups."""
    hints = get_type_hints(config)
    arguments = getattr(config, "arguments", {})
    texts: dict[str, str] = {}
    groups: dict[str, str] = {}
    metavars: dict[str, str] = {**arguments}
    order: dict[str, None] = {}  # of the headings
    for cls in reversed(config.__mro__):
        texts |= described(vars(cls).get("__doc__") or "")
        metavars |= vars(cls).get("metavars", {})
        for heading, names in vars(cls).get("groups", {}).items():
            order[heading] = None
            groups |= dict.fromkeys(names, heading)
    own_group = getattr(config, "own_group", next(iter(order), "flags"))
    order.setdefault(own_group)
    recipes = getattr(config, "recipes", {})
    former = getattr(config, "former", {})
    left_out = getattr(config, "left_out", ())
    flags = []
    for field in fields(config):
        if field.name in left_out:
            continue
        kind = hints[field.name]
        usual = {name: getattr(recipe, field.name, None) for name, recipe in recipes.items()}
        flags.append(
            Flag(
                name=field.name,
                kind=kind,
                default=field.default,
                text=texts.get(field.name, ""),
                group=groups.get(field.name, own_group),
                metavar=arguments.get(field.name)
                or metavars.get(field.name)
                or _placeholder(kind),
                positional=field.name in arguments,
                usual={name: value for name, value in usual.items() if value is not None},
                former=tuple(old for old, name in former.items() if name == field.name),
            )
        )
    headings = sorted(order, key=lambda heading: not heading.startswith("data"))
    return sorted(flags, key=lambda flag: headings.index(flag.group))


def given_values(
    config: type[Any], argv: Sequence[str] | None, doc: str, program: str = ""
) -> dict[str, Any]:
    """The values that a command line gives, by field; its help is printed if it asks for that.

    Args:
        config: the dataclass of the flags.
        argv: the arguments; those of the process if None.
        doc: docstring of the script: a description, and examples that begin with "python".
        program: how the script is started; by default with python.

    Raises:
        ValueError: if a flag is unknown, lacks its value, or its value is of the wrong kind.
        SystemExit: after the help.
    """
    flags = flags_of(config)
    parser = _parser(flags, doc, program)
    words = sys.argv[1:] if argv is None else argv
    found, rest = parser.parse_known_intermixed_args([_dashed(word) for word in words])
    for word in rest:
        _refuse(word, flags)
    values: dict[str, Any] = {}
    by_name = {flag.name: flag for flag in flags}
    for name, given in vars(found).items():
        flag = by_name[name]
        if isinstance(given, bool):
            values[name] = given
        elif isinstance(given, list):
            values[name] = tuple(flag.value(text) for text in given)
        else:
            values[name] = flag.value(given)
    return values


def format_help(config: type[Any], doc: str, program: str = "") -> str:
    """The help of a script.

    Args:
        config: the dataclass of its flags.
        doc: its docstring.
        program: how it is started; by default with python.
    """
    return _parser(flags_of(config), doc, program).format_help()


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are raised, for `run` to end with."""

    def error(self, message: str) -> NoReturn:
        names = re.fullmatch(r"the following arguments are required: (.*)", message)
        if names:
            raise ValueError(f"{names[1].replace(', ', ' and ')} must be given. {_SEE_HELP}")
        flag = re.fullmatch(r"argument (\S+?)(?:, \S+|/\S+)*: (.*)", message)
        if flag and "expected" in flag[2]:
            raise invalid(flag[1], "have a value", "none", _SEE_HELP)
        raise ValueError(f"{message[:1].upper()}{message[1:]}. {_SEE_HELP}")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help whose lines do not end within `--split-column`."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, **_WHOLE_WORDS)


_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_SEE_HELP = "See --help for all flags."


def _parser(flags: Sequence[Flag], doc: str, program: str) -> _Parser:
    about, examples = _parts(doc)
    program = program or f"python {sys.argv[0]}"
    positional = [
        f"{flag.metavar}{' ...' * _many(flag.kind)}" for flag in flags if flag.positional
    ]
    parser = _Parser(
        prog=program,
        usage=" ".join([program, *positional, "[FLAGS]"]),
        description=about,
        epilog=examples,
        formatter_class=_Formatter,
        add_help=False,
        allow_abbrev=False,
    )
    groups: dict[str, Any] = {}
    for flag in flags:
        if flag.group not in groups:
            groups[flag.group] = parser.add_argument_group(flag.group)
        options: dict[str, Any] = {"help": flag.help().replace("%", "%%")}
        if _kinds(flag.kind) == (bool,):
            options |= {"action": argparse.BooleanOptionalAction, "default": argparse.SUPPRESS}
        else:
            optional = flag.positional and flag.default is not MISSING
            nargs = "*" if _many(flag.kind) else "?" if optional else None
            options |= {"metavar": flag.metavar, "nargs": nargs}
            if nargs == "*" and not flag.positional:
                options["action"] = "extend"  # so that the flag can be repeated
            if nargs == "?":
                options["default"] = argparse.SUPPRESS
        if not flag.positional:
            options |= {"dest": flag.name, "default": argparse.SUPPRESS}
        names = [flag.name if flag.positional else flag.option]
        groups[flag.group].add_argument(*names, **options)
        for old in flag.former:  # not in the help
            parser.add_argument(
                f"--{old.replace('_', '-')}", **options | {"help": argparse.SUPPRESS}
            )
    groups[flags[-1].group].add_argument("-h", "--help", action="help", help="Show this help.")
    return parser


def _refuse(word: str, flags: Sequence[Flag]) -> NoReturn:
    name = word.partition("=")[0]
    if not name.startswith("-"):
        raise ValueError(f"Unexpected argument {word[:_LONGEST]!r}. {_SEE_HELP}")
    near = nearest(name.strip("-"), [f.option.strip("-") for f in flags if not f.positional])
    advice = f"Did you mean '--{near[0]}'?" if near else _SEE_HELP
    raise ValueError(f"Unknown flag {name[:_LONGEST]!r}. {advice}")


def _dashed(word: str) -> str:
    """A flag with `-` for `_`; other words as they are."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else word


def _kinds(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """The kinds that one value can be of: those of a union or of a tuple's items."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(one for part in get_args(kind) if part is not types.NoneType
                     for one in _kinds(part))  # fmt: skip
    return _kinds(get_args(kind)[0]) if _many(kind) else (kind,)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _many(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) is tuple


def _placeholder(kind: Any) -> str:  # noqa: ANN401
    words = []
    for one in _kinds(kind):
        choices = f"{{{','.join(map(str, get_args(one)))}}}"
        words.append(_PLACEHOLDERS.get(one) or (choices if len(choices) < _WIDEST else "NAME"))
    return "|".join(words)


def described(doc: str) -> dict[str, str]:
    """Name -> text, from the `Args` of a docstring."""
    _, _, block = inspect.cleandoc(doc).partition("Args:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _parts(doc: str) -> tuple[str, str]:
    """The description and the examples of a script's docstring, as its help shows them."""
    width = shutil.get_terminal_size().columns - 2
    about, examples = [], []
    for paragraph in inspect.cleandoc(doc).split("\n\n"):
        if not paragraph.startswith(("python ", "gnnvision ")):
            about.append(textwrap.fill(" ".join(paragraph.split()), width, **_WHOLE_WORDS))
            continue
        for line in paragraph.splitlines():
            command, _, comment = re.sub(r"\s{2,}", "\0", line, count=1).partition("\0")
            together = re.sub(r"(--\S+) (?!-)", "\\1\0", command)  # a flag and its value
            lines = textwrap.wrap(together, width - 8, **_WHOLE_WORDS)
            examples.append("  " + " \\\n      ".join(lines).replace("\0", " "))
            examples += [f"      {comment}"] if comment else []
    shown = "\n".join(["examples:", *examples]) if examples else ""
    return "\n\n".join(about), shown
