"""Detection of the class folders and split folders in a folder tree."""

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
_PLAIN_SPLITS = tuple(FolderSplit(split) for split in (TRAIN, VAL, TEST))
_SHORT = frozenset(("tr", "te", "ts", "va", "vl"))  # also codes of languages and countries


@dataclass(frozen=True)
class Layout:
    """The positions of class and split folders in the paths of a dataset.

    Args:
        bases: The folders that contain class folders, each with its split: 0 training, 1
            validation, 2 test.
        has_splits: Whether there are split folders.
        inner: Whether the split folders are inside the class folders.
        problem: Why the layout is ambiguous, with the remedy; "" if it is not.
    """

    bases: tuple[tuple[Path, int], ...]
    has_splits: bool = False
    inner: bool = False
    problem: str = ""

    def locate(self, path: Path) -> tuple[int, int] | None:
        """The split of an image and the level of its class folder; None outside class folders."""
        for base, split in self.bases:
            level = len(base)
            if path[:level] == base and len(path) > level + 1:
                if not self.inner:
                    return split, level
                found = folder_split(path[level + 1]).split
                return None if found is None else (found, level)
        return None


def find_layout(paths: Sequence[Path], folders: Sequence[Path]) -> Layout:
    """The layout of the images at `paths` among all `folders`.

    An ambiguous layout has a `problem`.
    """
    top = _top(paths, folders)
    depth = len(top)
    heads = {path[depth] for path in paths if len(path) > depth + 1}  # folders with images
    plain = Layout(((top, TRAIN),))
    split_folders = {
        name: found for name in heads if (found := folder_split(name)).split is not None
    }
    if are_folds(heads):
        return _ambiguous(plain, heads, "look like the folds of a cross-validation")
    splits = {found.split for found in split_folders.values()}
    rests = [found.rest for found in split_folders.values()]
    without_images = [
        folder[depth] for folder in folders
        if len(folder) == depth + 1 and folder[:depth] == top and folder[depth] not in heads
        and folder_split(folder[depth]) in _PLAIN_SPLITS
    ]  # fmt: skip
    if without_images and split_folders:
        why = "are named like splits but have no images: fill or remove them"
        return _ambiguous(plain, without_images, why)
    if {"tr"} < {name.lower() for name in heads} <= _SHORT:
        return _ambiguous(plain, heads, "may be abbreviated splits or classes")
    several = len(splits) > 1 and not (all(rests) and len(set(rests)) == len(rests))
    if several or (split_folders and len(split_folders) == len(heads) and not all(rests)):
        return _splits_above(plain, paths, top, split_folders)
    nested = {path[depth] for path in paths if len(path) > depth + 2}
    plain_splits = [name for name, found in split_folders.items() if not found.rest]
    # Images directly in a folder `train` may be of the class "train".
    if plain_splits and not (
        split_folders[plain_splits[0]].split == TRAIN and plain_splits[0] not in nested
    ):
        why = f"next to {_list(heads - set(plain_splits))} may be a split or a class"
        return _ambiguous(plain, plain_splits, why)
    return _inner(plain, paths, depth)


def _top(paths: Sequence[Path], folders: Sequence[Path]) -> Path:
    """The top-level folders to skip: single folders that contain folders of images."""
    top: Path = ()
    while True:
        depth = len(top)
        names = {path[depth] for path in (*paths, *folders) if len(path) > depth}
        # Images directly in a single folder make it a class; classes are two levels below.
        if len(names) != 1 or not paths or any(len(path) < depth + 3 for path in paths):
            return top
        name = next(iter(names))
        below = {folder_split(path[depth + 1]).split for path in paths} - {None}
        if folder_split(name).split is not None and len(below) < 2:
            return top
        top = (*top, name)


def _splits_above(
    plain: Layout, paths: Sequence[Path], top: Path, split_folders: dict[str, FolderSplit]
) -> Layout:
    """The layout with split folders above the class folders."""
    count = Counter(found.split for found in split_folders.values())
    twice = [name for name, found in split_folders.items() if count[found.split] > 1]
    if twice:
        return _ambiguous(plain, twice, "are named like the same split")
    if len({found.rest for found in split_folders.values()}) > 1:
        return _ambiguous(plain, split_folders, "are named like splits of different datasets")
    if TRAIN not in count:
        why = "are named like splits, but none is the training split"
        return _ambiguous(plain, split_folders, why)
    bases, bare = [], []
    for name, found in sorted(split_folders.items()):
        assert found.split is not None
        base = _base(paths, (*top, name))
        bases.append((base, found.split))
        if not any(path[: len(base)] == base and len(path) > len(base) + 1 for path in paths):
            bare.append((name, found.split))
    if any(split == TRAIN for _, split in bare):
        names = [name for name, _ in bare]
        return _ambiguous(plain, names, "are named like splits but have no class folders")
    return Layout(tuple(bases), has_splits=True)


def _base(paths: Sequence[Path], base: Path) -> Path:
    """The folder inside a split folder that has the class folders; single folders are skipped."""
    inside = [path for path in paths if path[: len(base)] == base]
    while True:
        depth = len(base)
        names = {path[depth] for path in inside}
        if len(names) != 1 or any(len(path) < depth + 3 for path in inside):
            return base
        base = (*base, next(iter(names)))


def _inner(plain: Layout, paths: Sequence[Path], depth: int) -> Layout:
    """The layout with class folders, which may contain split folders: `cat/train/1.jpg`."""
    inside = [path for path in paths if len(path) > depth + 2]
    named = {path[depth + 1]: folder_split(path[depth + 1]) for path in inside}
    inner = {name for name, found in named.items() if found.split is not None and not found.rest}
    splits = {named[name].split for name in inner}
    if len(splits) < 2:
        return _check_same_subfolders(plain, paths, depth)
    in_classes = [path for path in paths if len(path) > depth + 1]
    if (
        TRAIN in splits
        and len(inner) == len(splits)
        and inner == named.keys()
        and in_classes == inside
    ):
        return Layout(plain.bases, has_splits=True, inner=True)
    return _ambiguous(plain, inner, "are in some of the class folders and look like splits")


def _check_same_subfolders(plain: Layout, paths: Sequence[Path], depth: int) -> Layout:
    """An ambiguous layout if all folders have the same subfolders, which may be the classes."""
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        if len(path) > depth + 1:
            inside[path[depth]].add(path[depth + 1] if len(path) > depth + 2 else "")
    first, *rest = inside.values() if inside else [set[str]()]
    if not rest or len(first) < 2 or "" in first or any(other != first for other in rest):
        return plain
    why = f"have the same subfolders {_list(first)}, so either level may be the classes"
    remedy = (
        "Pass one of the folders if the subfolders are the classes, or else move the images out "
        "of the subfolders."
    )
    return Layout(plain.bases, problem=f"the folders {_list(inside)} {why}. {remedy}")


def _ambiguous(plain: Layout, names: Collection[str], what: str) -> Layout:
    folders = "folders" if len(names) > 1 else "folder"
    if len(names) == 1:
        what = what.replace("are named like splits", "is named like a split")
        what = what.replace("but have no", "but has no").replace(" them", " it")
    return Layout(plain.bases, problem=f"the {folders} {_list(names)} {what}. {_REMEDY}")


def _list(names: Collection[str]) -> str:
    shown = [repr(name) for name in sorted(names)[:6]]
    return ", ".join(shown) + (", ..." if len(names) > 6 else "")
