"""The flags of `gnnvision train` and `check` for the data: the options of the loaders themselves.

An option of a loader is declared once, in its room of `gnnvision.data`. The declarations are read
from their source, because importing them would import torch, which `--help` does without.
"""

from __future__ import annotations

import ast
from dataclasses import field, fields, make_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import gnnvision
from gnnvision.cli.flags import described

__all__ = ["DoorOption", "door_options", "with_door_options"]

_ROOMS = {"graphs": "GraphOptions", "images": "ImageOptions", "molecules": "MoleculeOptions"}
# Given by other flags, or with values that a command line cannot give.
_LEFT_OUT = ("root", "seed", "download", "augment", "featurizer", "kinds")
# The ends of an edge; `--target` is what is predicted.
_FLAGS = {"targets": "target", "source": "edge_source", "target": "edge_target"}
_KNOWN = {"Literal": Literal, "Any": Any, "None": None, "str": str, "int": int, "bool": bool,
          "float": float, "tuple": tuple}  # fmt: skip
_COLUMNS = ("label", "id", "image", "smiles", "target", "edge_source", "edge_target", "weight",
            "split_column", "edge_weight", "edge_type", "edge_attr", "features")  # fmt: skip


class DoorOption(NamedTuple):
    """An option of one or several loaders as a flag.

    Args:
        flag: its name as a flag.
        kind: its annotation.
        text: its help.
        rooms: the rooms of the data that have it.
        option: its name as an option.
    """

    flag: str
    kind: Any
    text: str
    rooms: tuple[str, ...]
    option: str


@cache
def door_options() -> tuple[DoorOption, ...]:
    """The options of the loaders that a command line can give."""
    found: dict[str, DoorOption] = {}
    for room, name in _ROOMS.items():
        for option, kind, text in _declared(room, name):
            flag = _FLAGS.get(option, option)
            one = DoorOption(flag, kind, text, (room,), option)
            if (other := found.get(flag)) is not None:
                more = "" if text in other.text else f" For {room}: {text[0].lower()}{text[1:]}"
                kinds = kind if kind == other.kind else _either(other.kind, kind)
                one = DoorOption(flag, kinds, other.text + more, (*other.rooms, room), option)
            found[flag] = one
    return tuple(found.values())


def with_door_options(config: type[Any]) -> type[Any]:
    """The dataclass of flags with a flag for each option of the loaders.

    A flag that is not given has the value None, or () for several values: the loader's default.

    Args:
        config: the dataclass; its own flags take precedence.
    """
    own = {each.name for each in fields(config)}
    options = [one for one in door_options() if one.flag not in own]
    groups: dict[str, tuple[str, ...]] = {}
    for one in options:
        heading = f"data: {one.rooms[0]}" if len(one.rooms) == 1 else "data"
        groups[heading] = (*groups.get(heading, ()), one.flag)
    declared: list[Any] = [
        (one.flag, one.kind, field(default=())) if get_origin(one.kind) is tuple
        else (one.flag, one.kind | None, field(default=None))
        for one in options
    ]  # fmt: skip
    texts = "\n".join(f"    {one.flag}: {one.text}" for one in options)
    made = make_dataclass(
        config.__name__, declared, bases=(config,), frozen=True, kw_only=True,
        namespace={
            "__doc__": f"The flags of the data.\n\nArgs:\n{texts}\n",
            "groups": groups,
            "metavars": {one.flag: "COLUMN" for one in options if one.flag in _COLUMNS},
            "__module__": config.__module__,
        },
    )  # fmt: skip
    return made


def _declared(room: str, name: str) -> list[tuple[str, Any, str]]:
    """Name, kind and help of each option that a room declares."""
    path = Path(gnnvision.__file__).parent / "data" / room / "options.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (declared,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    texts = described(ast.get_docstring(declared) or "")
    found = []
    for node in declared.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        option = node.target.id
        if option in _LEFT_OUT or option.startswith("_") or option not in texts:
            continue
        kind = _kind(ast.unparse(node.annotation))
        if kind is not None:
            found.append((option, kind, texts[option]))
    if "split" in texts:
        found.append(("split", str, texts["split"]))
    return found


def _kind(annotation: str) -> Any:  # noqa: ANN401
    """What an annotation stands for; None if a command line cannot give it."""
    parts = [part.strip() for part in annotation.split("|")]
    parts = [part.replace("Sequence[str]", "tuple[str, ...]") for part in parts]
    simple = [p for p in parts if "PathLike" not in p and p not in ("None", "tuple[int, int]")]
    if "tuple[str, ...]" in simple:
        simple = ["tuple[str, ...]"]
    try:
        kind = eval(" | ".join(simple), {"__builtins__": {}}, _KNOWN)
    except (NameError, TypeError):
        return None
    return kind


def _either(one: Any, other: Any) -> Any:  # noqa: ANN401
    """The kind of a value that is of either kind: of two lists of choices, all of them."""
    if get_origin(one) is Literal and get_origin(other) is Literal:
        return Literal[tuple(dict.fromkeys([*get_args(one), *get_args(other)]))]
    return one | other
