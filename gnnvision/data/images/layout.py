"""Where in a tree of folders the classes stand, and which of its folders are splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gnnvision.data.images.split_names import (
    TEST,
    TRAIN,
    VAL,
    FolderSplit,
    are_folds,
    folder_split,
)

__all__ = ["Layout", "find_layout"]

Path = tuple[str, ...]
_REMEDY = (
    "Sort the images into train/<class>/*.jpg and test/<class>/*.jpg, or <class>/*.jpg; rename a "
    "class that is named like a split."
)
_PLAIN_SPLITS = tuple(FolderSplit(part) for part in (TRAIN, VAL, TEST))
_SHORT = frozenset(("tr", "te", "ts", "va", "vl"))  # also codes of languages and countries


@dataclass(frozen=True)
class Layout:
    """How to read the class and the split off a path.

    Args:
        bases: The folders that hold class folders, each with its part: 0 train, 1 val, 2 test.
        has_splits: Whether folders name the parts.
        inner: Whether these stand below the class folders.
        doubt: Why this cannot be told, with the remedy; "" where it can.
    """

    bases: tuple[tuple[Path, int], ...]
    has_splits: bool = False
    inner: bool = False
    doubt: str = ""

    def place(self, path: Path) -> tuple[int, int] | None:
        """The part of an image, and which name along its path is its class; None for neither."""
        for base, part in self.bases:
            level = len(base)
            if path[:level] == base and len(path) > level + 1:
                if not self.inner:
                    return part, level
                found = folder_split(path[level + 1]).part
                return None if found is None else (found, level)
        return None


def find_layout(paths: Sequence[Path], folders: Sequence[Path]) -> Layout:
    """The layout of images at `paths` among all `folders`.

    What could be meant in two ways is given with a doubt.
    """
    top = _top(paths, folders)
    depth = len(top)
    heads = {path[depth] for path in paths if len(path) > depth + 1}  # folders with images
    plain = Layout(((top, TRAIN),))
    said = {name: found for name in heads if (found := folder_split(name)).part is not None}
    if are_folds(heads):
        return _doubtful(plain, heads, "look like the folds of a cross-validation")
    parts = {found.part for found in said.values()}
    rests = [found.rest for found in said.values()]
    hollow = [
        folder[depth] for folder in folders
        if len(folder) == depth + 1 and folder[:depth] == top and folder[depth] not in heads
        and folder_split(folder[depth]) in _PLAIN_SPLITS
    ]  # fmt: skip
    if hollow and said:
        why = "are named like splits, without an image in them: fill or remove them"
        return _doubtful(plain, hollow, why)
    if {"tr"} < {name.lower() for name in heads} <= _SHORT:
        return _doubtful(plain, heads, "may be splits, shortened, or classes")
    several = len(parts) > 1 and not (all(rests) and len(set(rests)) == len(rests))
    if several or (said and len(said) == len(heads) and not all(rests)):
        return _splits(plain, paths, top, said)
    nested = {path[depth] for path in paths if len(path) > depth + 2}
    pure = [name for name, found in said.items() if not found.rest]
    # Right in a folder `train` lie the images of the class of trains.
    if pure and not (said[pure[0]].part == TRAIN and pure[0] not in nested):
        why = f"beside {_list(heads - set(pure))} may be a split or a class"
        return _doubtful(plain, pure, why)
    return _inner(plain, paths, depth)


def _top(paths: Sequence[Path], folders: Sequence[Path]) -> Path:
    """The folders at the top to pass over: lone ones with folders of images in them."""
    top: Path = ()
    while True:
        depth = len(top)
        names = {path[depth] for path in (*paths, *folders) if len(path) > depth}
        # What lies right in a lone folder makes it a class; two levels below there are classes.
        if len(names) != 1 or not paths or any(len(path) < depth + 3 for path in paths):
            return top
        name = next(iter(names))
        below = {folder_split(path[depth + 1]).part for path in paths} - {None}
        if folder_split(name).part is not None and len(below) < 2:
            return top
        top = (*top, name)


def _splits(
    plain: Layout, paths: Sequence[Path], top: Path, said: dict[str, FolderSplit]
) -> Layout:
    """The layout where folders named like splits stand above the classes."""
    count = Counter(found.part for found in said.values())
    twice = [name for name, found in said.items() if count[found.part] > 1]
    if twice:
        return _doubtful(plain, twice, "are named like one split")
    if len({found.rest for found in said.values()}) > 1:
        return _doubtful(plain, said, "are named like splits of different things")
    if TRAIN not in count:
        why = "are named like splits, and none like the training split"
        return _doubtful(plain, said, why)
    bases, bare = [], []
    for name, found in sorted(said.items()):
        assert found.part is not None
        base = _base(paths, (*top, name))
        bases.append((base, found.part))
        if not any(path[: len(base)] == base and len(path) > len(base) + 1 for path in paths):
            bare.append((name, found.part))
    if any(part == TRAIN for _, part in bare):
        names = [name for name, _ in bare]
        return _doubtful(plain, names, "are named like splits and hold no class folders")
    return Layout(tuple(bases), has_splits=True)


def _base(paths: Sequence[Path], base: Path) -> Path:
    """Where in the folder of a split the classes stand: lone folders in it are passed over."""
    inside = [path for path in paths if path[: len(base)] == base]
    while True:
        depth = len(base)
        names = {path[depth] for path in inside}
        if len(names) != 1 or any(len(path) < depth + 3 for path in inside):
            return base
        base = (*base, next(iter(names)))


def _inner(plain: Layout, paths: Sequence[Path], depth: int) -> Layout:
    """The layout of classes, which may hold the splits: `cat/train/1.jpg`."""
    inside = [path for path in paths if len(path) > depth + 2]
    named = {path[depth + 1]: folder_split(path[depth + 1]) for path in inside}
    said = {name for name, found in named.items() if found.part is not None and not found.rest}
    parts = {named[name].part for name in said}
    if len(parts) < 2:
        return _alike_inside(plain, paths, depth)
    in_classes = [path for path in paths if len(path) > depth + 1]
    if (
        TRAIN in parts
        and len(said) == len(parts)
        and said == named.keys()
        and in_classes == inside
    ):
        return Layout(plain.bases, has_splits=True, inner=True)
    return _doubtful(plain, said, "stand below some of the class folders and look like splits")


def _alike_inside(plain: Layout, paths: Sequence[Path], depth: int) -> Layout:
    """A doubt where the folders hold the same folders: versions of a set, with the classes in."""
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        if len(path) > depth + 1:
            inside[path[depth]].add(path[depth + 1] if len(path) > depth + 2 else "")
    first, *rest = inside.values() if inside else [set[str]()]
    if not rest or len(first) < 2 or "" in first or any(other != first for other in rest):
        return plain
    why = f"hold the same folders {_list(first)}, so that either may be the classes"
    remedy = (
        "Give one of the folders if the inner ones are the classes, or else put the images right "
        "into the outer ones."
    )
    return Layout(plain.bases, doubt=f"the folders {_list(inside)} {why}. {remedy}")


def _doubtful(plain: Layout, names: Collection[str], what: str) -> Layout:
    folders = "folders" if len(names) > 1 else "folder"
    if len(names) == 1:
        what = what.replace("are named like splits", "is named like a split")
        what = what.replace("and hold no", "and holds no").replace(" them", " it")
    return Layout(plain.bases, doubt=f"the {folders} {_list(names)} {what}. {_REMEDY}")


def _list(names: Collection[str]) -> str:
    shown = [repr(name) for name in sorted(names)[:6]]
    return ", ".join(shown) + (", ..." if len(names) > 6 else "")
