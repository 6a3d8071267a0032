"""A flag for each setting of `gnnvision.data.Augment`, with the same name and help.

The settings are declared once, in that class. They are read from its source, because importing it
would import torch, which `--help` does without.
"""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import gnnvision
from gnnvision.cli.flags import described
from gnnvision.errors import invalid

if TYPE_CHECKING:
    from gnnvision.data import Augment, ImageTask

__all__ = ["AugmentOptions"]

_KNOWN = {"Literal": Literal, "int": int, "float": float, "tuple": tuple}
_KNOWN |= {"PadMode": Literal["reflect", "zeros"]}


class _AugmentFlags:
    """What scripts ask of the flags of an augmentation."""

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were given."""
        values = {name: getattr(self, name) for name in _SETTINGS}
        given = {name: value for name, value in values.items() if value not in (None, ())}
        return {name: None if value == "none" else value for name, value in given.items()}

    def augmentation(self, usual: Augment | None = None) -> Augment:
        """The augmentation that the flags ask for.

        Args:
            usual: has the settings that are not given.

        Raises:
            ValueError: if a setting is out of range.
        """
        from gnnvision.data import Augment

        return dataclasses.replace(usual or Augment(), **self.given)

    def augmented(self, task: ImageTask, usual: Augment) -> ImageTask:
        """The task whose training images are augmented, unless `--no-augment` was given.

        Validation and test images never are.

        Args:
            task: as loaded.
            usual: has the settings that are not given.

        Raises:
            ValueError: if `--no-augment` and a setting were given.
        """
        if getattr(self, "augment", True):
            return task.with_augment(self.augmentation(usual))
        for name, value in self.given.items():
            flag = f"--{name.replace('_', '-')}"
            raise invalid(flag, "be left out with --no-augment", value, "Leave one of them out.")
        return task

    def variant(self, flag: str, value: object) -> Self:
        """The flags with another value; without augmentation none of its settings is left."""
        off = dict.fromkeys(_SETTINGS) | dict.fromkeys(_PAIRS, ())
        more = off if flag == "augment" and not value else {}
        return dataclasses.replace(self, **{**more, flag: value})  # type: ignore[type-var]


def _declared() -> list[tuple[str, Any, str]]:
    """Name, kind and help of each setting; those that are two numbers are any number of them."""
    path = Path(gnnvision.__file__).parent / "data" / "images" / "augment.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (declared,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Augment")
    texts = described(ast.get_docstring(declared) or "")
    found = []
    for node in declared.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, annotation = node.target.id, ast.unparse(node.annotation)
            kind = annotation.removesuffix(" | None")
            if kind.startswith("tuple"):
                kind = f"{kind.partition(',')[0]}, ...]"
            elif kind != annotation:  # a choice that can be none of them
                kind = kind.replace("]", ", 'none']")
            found.append((name, eval(kind, {"__builtins__": {}}, _KNOWN), texts[name]))
    return found


_SETTINGS = {name: (kind, text) for name, kind, text in _declared()}
_PAIRS = tuple(name for name, (kind, _) in _SETTINGS.items() if "tuple" in str(kind))

if TYPE_CHECKING:

    class AugmentOptions(_AugmentFlags):
        """The flags of every script that augments images; one that is not given is None."""

else:
    AugmentOptions = make_dataclass(
        "AugmentOptions",
        [
            (name, kind, field(default=())) if name in _PAIRS
            else (name, kind | None, field(default=None))
            for name, (kind, _) in _SETTINGS.items()
        ],
        bases=(_AugmentFlags,), frozen=True, kw_only=True,
        namespace={
            "__doc__": "The flags of an augmentation.\n\nArgs:\n"
            + "\n".join(f"    {name}: {text}" for name, (_, text) in _SETTINGS.items()),
            "groups": {"augmentation": tuple(_SETTINGS)},
            "__module__": __name__,
        },
    )  # fmt: skip
