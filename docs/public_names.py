"""The public names of gnnvision: where each is documented, and what a name in a text means."""

from __future__ import annotations

import ast
import inspect
import re
import types
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import gnnvision

__all__ = [
    "FACES",
    "Name",
    "Scope",
    "all_names",
    "by_object",
    "comment_of",
    "exists",
    "link_target",
    "members_of",
    "public_bases",
]

# The rooms with a page each; `gnnvision` itself comes first, so that its names are the short ones.
FACES = (
    "domains", "operators", "layers", "models", "data", "training", "runs", "transfer", "inspect",
    "explain", "report", "basics", "cli", "errors",
)  # fmt: skip
# Documented on the page of their room without being among its names.
INNER_NAMES = ("training.events", "data.graphs.load", "data.images.load", "data.molecules.load")
NOT_SHOWN = ("extra_repr", "reset_parameters")  # what every layer defines in the same way
SHORTHANDS = {"gv": "gnnvision", "nn": "torch.nn", "F": "torch.nn.functional", "np": "numpy",
              "nx": "networkx", "pd": "pandas"}  # fmt: skip


@dataclass(frozen=True)
class Name:
    """One public name.

    Args:
        short: as it is written after an import, such as `GCNConv`.
        full: where it is documented, such as `gnnvision.GCNConv`.
        face: the room that it belongs to.
        thing: the object.
    """

    short: str
    full: str
    face: str
    thing: Any = field(compare=False)

    @property
    def kind(self) -> str:
        """The directive of autodoc that shows it."""
        if isinstance(self.thing, types.ModuleType):
            return "module"
        if inspect.isclass(self.thing):
            return "exception" if issubclass(self.thing, BaseException) else "class"
        return "function" if inspect.isroutine(self.thing) else "data"


@cache
def all_names() -> dict[str, Name]:
    """Full name -> public name, of all faces."""
    found = {}
    for face in FACES:
        module = import_module(f"gnnvision.{face}")
        for short in module.__all__:
            thing = getattr(module, short)
            top = short in gnnvision.__all__ and getattr(gnnvision, short) is thing
            full = f"gnnvision.{short}" if top else f"gnnvision.{face}.{short}"
            found[full] = Name(short, full, face, thing)
    return found


@cache
def by_object() -> dict[int, Name]:
    """Public names by the identity of their objects; numbers and texts are left out."""
    return {id(n.thing): n for n in all_names().values() if n.kind != "data"}


@cache
def _by_short() -> dict[str, list[Name]]:
    found: dict[str, list[Name]] = {}
    for name in all_names().values():
        found.setdefault(name.short, []).append(name)
    return found


@dataclass(frozen=True)
class Scope:
    """What surrounds a text: its own parameters come before public names.

    Args:
        face: the room whose page it is on; empty for none.
        owner: the public class that it describes, or whose member it describes.
        parameters: the names of the parameters.
    """

    face: str = ""
    owner: Name | None = None
    parameters: frozenset[str] = frozenset()


def link_target(text: str, scope: Scope | None = None) -> str | None:
    """The full name that a text in backticks means, ours or another package's; else None.

    A parameter is none. A single word in lower case is a name only in its own room, or if it is a
    function of `gnnvision` itself.

    Args:
        text: such as `GCNConv`, `Graph.batch`, `names()`, `gv.fit` or `torch.nn.Linear`.
        scope: where it stands.
    """
    scope = scope or Scope()
    word = re.sub(r"\(.*\)$", "", text.strip(), flags=re.DOTALL)
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", word):
        return None
    first, _, rest = word.partition(".")
    if first in scope.parameters or word in ("None", "True", "False"):
        return None
    if scope.owner and _is_documented_member(scope.owner, word):
        return f"{scope.owner.full}.{word}"
    if not rest:
        return _short_target(word, scope)
    if first in SHORTHANDS:
        word = f"{SHORTHANDS[first]}.{rest}"
        first = SHORTHANDS[first].partition(".")[0]
    if first == "gnnvision":
        return _own_target(word)
    from external_links import PACKAGES, exists

    if first in PACKAGES:
        return word if exists(word) else None
    owner = _short_target(first, scope)
    if owner in all_names() and _is_documented_member(all_names()[owner], rest):
        return f"{owner}.{rest}"
    if first in FACES:
        return _own_target(f"gnnvision.{word}")
    return None


def _short_target(word: str, scope: Scope) -> str | None:
    found = _by_short().get(word, [])
    here = [name for name in found if name.face == scope.face]
    top = [name for name in found if name.full.count(".") == 1]
    if here:
        return here[0].full
    plain = word.islower() and "_" not in word
    if top and (not plain or top[0].kind == "function"):
        return top[0].full
    return found[0].full if len(found) == 1 and not plain and len(word) > 1 else None


def _own_target(word: str) -> str | None:
    """The documented name of `gnnvision.layers.GCNConv`, `gnnvision.Graph.batch` and so on."""
    if word in all_names():
        return word
    if word.removeprefix("gnnvision.") in (*FACES, *INNER_NAMES):
        return word
    parts = word.split(".")
    for end in range(len(parts), 1, -1):
        thing = _lookup(".".join(parts[:end]))
        name = by_object().get(id(thing))
        if name is None and ".".join(parts[:end]) in all_names():
            name = all_names()[".".join(parts[:end])]
        if name is not None:
            rest = ".".join(parts[end:])
            if not rest:
                return name.full
            return f"{name.full}.{rest}" if _is_documented_member(name, rest) else None
    return None


@cache
def _lookup(word: str) -> object:
    parts = word.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except (ImportError, TypeError):
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found
    return None


def exists(word: str) -> bool:
    """Whether a name of gnnvision can be imported, be it public or not."""
    return _lookup(word) is not None


@cache
def members_of(name: Name) -> tuple[str, ...]:
    """The members of a public class that its entry shows, in the order of the source.

    Those of a public base are on the base's entry. A layer shows only what its bases do not have:
    the interface of all convolutions is that of `Convolution`.
    """
    if name.kind not in ("class", "exception"):
        return ()
    found: dict[str, None] = {}
    for cls in name.thing.__mro__:
        if cls is not name.thing and (id(cls) in by_object() or not _is_own(cls)):
            continue
        if name.face == "layers" and cls is not name.thing:
            continue
        for member, thing in vars(cls).items():
            inherited = any(
                hasattr(base, member) for base in cls.__mro__[1:] if base is not object
            )
            if member.startswith("_") or member in NOT_SHOWN:
                continue
            if name.face == "layers" and inherited and any(map(_is_own, cls.__mro__[1:])):
                continue
            thing = getattr(thing, "__func__", thing)
            if isinstance(thing, types.FunctionType | property | cached_property):
                if thing.__doc__ and not thing.__doc__.startswith("Alias for field"):
                    found.setdefault(member)
    return tuple(found)


def public_bases(thing: type) -> list[type]:
    """The public base classes and those of other packages, in place of those in between."""
    found: list[type] = []
    for cls in thing.__mro__[1:]:
        public = id(cls) in by_object() or not _is_own(cls)
        if public and cls.__name__ not in ("object", "ABC", "Generic", "Protocol"):
            if not any(issubclass(other, cls) for other in found):
                found.append(cls)
    return found


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "gnnvision"


def _is_documented_member(name: Name, member: str) -> bool:
    return member in members_of(name)


@cache
def comment_of(name: Name) -> str:
    """The comment above a constant."""
    folder = Path(import_module(f"gnnvision.{name.face}").__file__ or "").parent
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not re.search(rf"(?m)^{name.short}\b.*=|^\w+, {name.short} =", text):
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and name.short in _assigned(node):
                lines, comment = text.splitlines()[: node.lineno - 1], []
                while lines and lines[-1].startswith("# "):
                    comment.insert(0, lines.pop()[2:].strip())
                if comment:
                    return " ".join(comment)
    return ""


def _assigned(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
