"""Which picture is of which class and part, by the folders it lies in."""

from __future__ import annotations

from dataclasses import dataclass

from gnnvision.data.images.findings import Finding
from gnnvision.data.images.picture import ENDINGS
from gnnvision.data.sources import Member, Source

__all__ = ["Item", "Tree", "check_tree", "read_tree"]

TRAIN, VAL, TEST = 0, 1, 2
_PARTS = {
    "train": TRAIN, "training": TRAIN,
    "val": VAL, "valid": VAL, "validation": VAL,
    "test": TEST, "testing": TEST,
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One picture: its file, its part (0 train, 1 val, 2 test) and its class from 0."""

    member: Member
    part: int
    label: int


@dataclass(frozen=True)
class Tree:
    """The labelled pictures of a source.

    Args:
        source: The folder or archive.
        items: Its pictures, sorted by path.
        class_names: The names of the class folders, sorted.
        has_parts: Whether folders `train`, `val` or `test` stand above the classes.
        empty: Class folders of the training part without a picture.
        loose: Pictures in no class folder.
    """

    source: Source
    items: tuple[Item, ...]
    class_names: tuple[str, ...]
    has_parts: bool
    empty: tuple[str, ...]
    loose: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd about the folders."""
        found = [Finding(path, "no class") for path in self.loose]
        found += [Finding(path, "empty class") for path in self.empty]
        if len(self.class_names) == 1:
            found.append(Finding(self.class_names[0], "single class"))
        return tuple(found)


def read_tree(source: Source) -> Tree:
    """The pictures below `train/<class>`, `val/<class>` and `test/<class>`, or below `<class>`.

    A class is the folder right below the part; folders within it do not count. Folders above
    with nothing else in them, as archives have, are passed over.
    """
    pictures = [m for m in source.members() if _is_picture(m.path)]
    folders = [tuple(folder.split("/")) for folder in source.folders()]
    paths = [tuple(member.path.split("/")) for member in pictures]
    depth = _depth(paths, folders)
    # Right in a folder `train` lie the pictures of the class of trains.
    training = [path for path in paths if _PARTS.get(path[depth].lower()) == TRAIN]
    has_parts = any(len(path) > depth + 2 for path in training)
    level = depth + has_parts  # of the class folders
    labelled: list[tuple[Member, int, str]] = []
    loose: list[str] = []
    for member, path in zip(pictures, paths, strict=True):
        part = _PARTS.get(path[depth].lower()) if has_parts else TRAIN
        if part is None or len(path) <= level + 1:
            loose.append(member.path)
        else:
            labelled.append((member, part, path[level]))
    names = sorted({name for _, _, name in labelled})
    number = {name: label for label, name in enumerate(names)}
    filled = {tuple(member.path.split("/")[: level + 1]) for member, _, _ in labelled}
    empty = [
        "/".join(folder)
        for folder in folders
        if len(folder) == level + 1
        and folder not in filled
        and (not has_parts or folder[depth].lower() in _PARTS)
    ]
    return Tree(
        source=source,
        items=tuple(Item(member, part, number[name]) for member, part, name in labelled),
        class_names=tuple(names),
        has_parts=has_parts,
        empty=tuple(empty),
        loose=tuple(loose),
    )


def check_tree(tree: Tree) -> None:
    """Raise ValueError unless there are two classes or more with training pictures in each."""
    where = str(tree.source.path)
    if not tree.items:
        found = f"{len(tree.loose)} outside class folders" if tree.loose else "none"
        raise ValueError(
            f"'path' must hold images in one folder for each class, got {found} in {where!r}. "
            f"Sort them into <class>/*.jpg, or train/<class>/*.jpg and test/<class>/*.jpg."
        )
    if tree.empty:
        raise ValueError(
            f"Every class folder must hold an image, got none in {tree.empty[0]!r} of {where!r}. "
            "Put some there, or remove the folder."
        )
    if len(tree.class_names) == 1:
        raise ValueError(
            f"'path' must hold two class folders or more, got only {tree.class_names[0]!r} in "
            f"{where!r}. Give the folder above, or add a class."
        )
    trained = {item.label for item in tree.items if item.part == TRAIN}
    untrained = [name for label, name in enumerate(tree.class_names) if label not in trained]
    if untrained:
        raise ValueError(
            f"Every class must be in the training part, got {untrained[0]!r} in another one only "
            f"of {where!r}. Name the class folders alike in all parts."
        )


def _is_picture(path: str) -> bool:
    return path[path.rfind(".") :].lower() in ENDINGS


def _depth(paths: list[tuple[str, ...]], folders: list[tuple[str, ...]]) -> int:
    """How many folders at the top to pass over: lone ones with folders of pictures in them."""
    depth = 0
    while True:
        tops = {path[depth] for path in (*paths, *folders) if len(path) > depth}
        if len(tops) != 1 or next(iter(tops)).lower() in _PARTS:
            return depth
        # What lies right in a lone folder makes it a class; two levels below there are classes.
        if not paths or any(len(path) < depth + 3 for path in paths):
            return depth
        depth += 1
