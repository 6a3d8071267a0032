"""A door for each kind of data: it loads by name or by path, with the options of its kind."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from gnnvision._extras import require_extra
from gnnvision.data.card import Card, read_card
from gnnvision.data.options import LoadOptions
from gnnvision.data.paths import expand_user, nearest_names, refuse_special, similar_names
from gnnvision.data.root import data_root, datasets_folder
from gnnvision.data.task import Task
from gnnvision.errors import nearest, one_of

__all__ = ["Door", "Format", "describe_named", "is_path", "plain_name"]

O = TypeVar("O", bound=LoadOptions)  # noqa: E741 - options
R = TypeVar("R", bound=Callable[..., Task])
CardReader = Callable[[Card, O, str], Task]
PathReader = Callable[[Path, O, str], Task]
Format = tuple[Callable[[Path], bool], PathReader[O]]


class Door(Generic[O]):
    """The loader of one kind of data, by name or by path.

    Args:
        kind: What it loads, as in messages: "images".
        options: The dataclass of its options, which is also the signature of the loader.
        published: The reader of each dataset that has a card, by name.
        formats: For data of a user's own: pairs of a test whether a path has this format, and its
            reader; the first one that fits reads it.
        otherwise: The reader of a path without such a format, which explains what is possible.
        extra: The extra of this package that all its data need; empty if none.

    Example:
        >>> import gnnvision as gv
        >>> gv.data.graphs.load("karate").split.sizes
        {'train': 8, 'val': 8, 'test': 18}
    """

    def __init__(
        self,
        kind: str,
        options: type[O],
        published: Mapping[str, CardReader[O]],
        formats: Sequence[Format[O]],
        otherwise: PathReader[O],
        extra: str = "",
    ) -> None:
        self.kind, self.options, self.extra = kind, options, extra
        self.readers: dict[str, CardReader[O]] = dict(published)
        self.registered: set[str] = set()
        self.formats, self.otherwise = tuple(formats), otherwise
        self.defaults = {
            item.name: item.default for item in fields(options) if item.default is not MISSING
        }
        first = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        rest = inspect.signature(options).parameters.values()
        self.__signature__ = inspect.Signature([first, *rest], return_annotation=Task)
        self.__name__ = "load"
        self.__doc__ = (
            f"Load {kind} by name or path as a task. The options are the fields of "
            f"`{options.__name__}`.\n\n{inspect.getdoc(options)}"
        )

    def names(self) -> tuple[str, ...]:
        """The names of its datasets."""
        return tuple(self.readers)

    def register(self, name: str) -> Callable[[R], R]:
        """A decorator that registers a dataset of your own by name.

        The function receives the options, and returns a task.

        Raises:
            ValueError: The name is empty, or taken.

        Example:
            >>> import gnnvision as gv
            >>> @gv.data.graphs.load.register("two_communities")
            ... def two_communities(options):
            ...     return gv.data.graphs.load("karate", seed=options.seed)
            >>> gv.data.load("two_communities").name
            'two_communities'
        """
        taken = [plain_name(known) for known in self.readers if known not in self.registered]
        if not plain_name(name) or plain_name(name) in taken:
            raise ValueError(f"'name' must be a new name, got {name!r}. Choose another one.")

        def decorate(reader: R) -> R:
            def read(card: Card, options: O, requested: str) -> Task:
                return replace(reader(options), name=name, requested=requested)

            self.readers[name] = read
            self.registered.add(name)
            return reader

        return decorate

    def __call__(
        self,
        name: str | os.PathLike[str],
        **options: Any,  # noqa: ANN401 - the dataclass of the options has the types
    ) -> Task:
        """The task of a dataset.

        Args:
            name: The name of a dataset, or the path of your own data.
            **options: The fields of the dataclass of options.

        Raises:
            MissingPackage: A package that these data need is not installed.
            DataNotFound: The files were not found and could not be downloaded.
            FileNotFoundError: The path does not exist.
            ChecksumError: A file is damaged or differs from the one that the card describes.
            TypeError: An option is unknown or has the wrong type.
            ValueError: The name, an option or the content of a file is invalid.
        """
        chosen = self.options(**options)
        if self.extra:
            require_extra(self.extra, f"Reading {self.kind}")
        plain = os.fspath(name).strip()
        place = is_path(name, self.readers, chosen.root)
        if place is None:
            known = canonical(plain, self.readers)
            card = describe_named(known, known in self.registered)
            if card.splits:  # a folder or a table has splits that depend on its content
                card.split_rule(chosen.split)
            task, origin = self.readers[known](card, chosen, plain), known
        else:
            refuse_special(place, "name")
            found = [reader for fits, reader in self.formats if fits(place)]
            if found and not place.exists():
                got = f"'name' must be a file that exists, got {str(place)!r}"
                raise FileNotFoundError(f"{got}. {nearest_names(place)}")
            readers = iter(found)
            task = next(readers, self.otherwise)(place, chosen, plain)
            origin = str(place.absolute())
        task = chosen.finish(task)
        # The task is new, so no other reference sees it change.
        object.__setattr__(task, "origin", {"name": origin, **self._changed(chosen)})
        return task

    def _changed(self, options: O) -> dict[str, Any]:
        """The options that differ from their defaults, for another working folder."""
        values = {name: getattr(options, name) for name in self.defaults}
        changed = {name: v for name, v in values.items() if v != self.defaults[name]}
        changed.pop("augment", None)  # the task itself has it
        if options.root is not None:
            changed["root"] = str(data_root(options.root).absolute())
        return changed


def is_path(
    name: str | os.PathLike[str],
    known: Mapping[str, object] | Sequence[str],
    root: Any,  # noqa: ANN401
) -> Path | None:
    """The path that a name stands for; None for the name of a dataset.

    Args:
        name: A name, or a path: one with a separator or a file suffix, or of an existing file or
            folder that has no dataset's name, also below the data root.
        known: The names of datasets.
        root: The data root.
    """
    plain = os.fspath(name).strip()
    named_file = bool(Path(plain).suffix) and plain_name(plain) not in map(plain_name, known)
    if (
        isinstance(name, os.PathLike)
        or any(mark in plain for mark in (os.sep, os.altsep) if mark)
        or (named_file and not (data_root(root) / plain).exists())
    ):
        return expand_user(os.fspath(name), "name")
    if plain and plain_name(plain) not in map(plain_name, known):
        for place in (Path(plain), data_root(root) / plain):
            if place.exists():
                return place
    return None


def plain_name(name: str) -> str:
    """The name in lower case, without hyphens and underscores."""
    return name.strip().lower().replace("-", "").replace("_", "")


def canonical(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """The name of a dataset, spelled as it is known.

    Raises:
        ValueError: There is no dataset of this name.
    """
    spelled = {plain_name(one): one for one in known}
    if plain_name(name) in spelled:
        return spelled[plain_name(name)]
    advice = None if nearest(name, known) else "Choose one of them, or the path of your own data."
    if similar_names(Path(name)):  # of a folder of one's own, misspelled
        advice = nearest_names(Path(name))
    return one_of("name", name, known, advice)


def describe_named(name: str, registered: bool = False) -> Card:
    """The card of a dataset by its exact name; one without content if a user registered it."""
    if registered:
        return Card(name, name, "", "Your own data.", "Your own.", "Not stated.", "")
    return read_card(datasets_folder() / "cards" / f"{name}.toml")
