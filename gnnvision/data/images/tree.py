"""Which image is of which class and part, by the folders it lies in."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from gnnvision.data.images.formats import HEAD_BYTES, why_left_out
from gnnvision.data.images.layout import Layout, find_layout
from gnnvision.data.images.scan_report import Finding
from gnnvision.data.images.split_names import TRAIN
from gnnvision.data.sources import Member, Source

__all__ = ["Item", "Tree", "check_tree", "read_tree"]


@dataclass(frozen=True)
class Item:
    """One image: its file, its part (0 train, 1 val, 2 test) and its class from 0."""

    member: Member
    part: int
    label: int


@dataclass(frozen=True)
class Tree:
    """The labeled images of a source.

    Args:
        source: The folder or archive.
        items: Its images, sorted by path.
        class_names: The names of the class folders, sorted.
        has_splits: Whether folders `train`, `val` or `test` stand above or below the classes.
        empty: Class folders of the training part without an image.
        loose: Images in no class folder.
        other: Files that are none of these, with the reasons.
        doubt: Why the folders cannot be told to be classes or splits, in a sentence; "" for
            folders that can.
        assumed: What was assumed about names, in sentences.
    """

    source: Source
    items: tuple[Item, ...]
    class_names: tuple[str, ...]
    has_splits: bool
    empty: tuple[str, ...]
    loose: tuple[str, ...]
    other: tuple[Finding, ...] = ()
    doubt: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd about the folders."""
        found = [Finding(path, "no class") for path in self.loose]
        found += [Finding(path, "empty class") for path in self.empty]
        if len(self.class_names) == 1:
            found.append(Finding(self.class_names[0], "single class"))
        if self.doubt:
            found.append(Finding(".", "doubtful folders", self.doubt))
        for names in _alike(self.class_names):
            others = " and ".join(map(repr, names[1:]))
            reason = f"only case, width or blanks tell it from {others}"
            found.append(Finding(names[0], "similar classes", reason))
        return (*found, *self.other)


def read_tree(source: Source) -> Tree:
    """The images below `train/<class>`, `val/<class>` and `test/<class>`, or below `<class>`.

    The folders of the splits may have any name that `split_names` knows. A class is the folder
    right below them; folders within it do not count. Folders above with nothing else in them,
    as archives have, are passed over. Names that differ in their Unicode form alone are one.
    """
    images, other = _image_members(source)
    paths = [_composed(member.path) for member in images]
    folders = {_composed(folder): folder for folder in source.folders()}
    layout = find_layout(paths, list(folders))
    labeled: list[tuple[Member, int, str]] = []
    loose: list[str] = []
    spelt: defaultdict[str, set[str]] = defaultdict(set)  # a class's names as they are on disk
    for member, path in zip(images, paths, strict=True):
        place = layout.place(path)
        if place is None:
            loose.append(member.path)
            continue
        part, level = place
        labeled.append((member, part, path[level]))
        spelt[path[level]].add(member.path.split("/")[level])
    names = sorted(spelt)
    number = {name: label for label, name in enumerate(names)}
    closed = {finding.path for finding in other if finding.kind == "unreadable"}
    empty = _empty(
        layout, paths, {path: raw for path, raw in folders.items() if raw not in closed}
    )
    forms = [name for name in names if len(spelt[name]) > 1]
    assumed = list(source.assumed())
    if forms:
        assumed.append(
            f"folders named {', '.join(map(repr, forms))} in two Unicode forms are one class"
        )
    if not layout.inner:
        within = [(m, name) for m, _, name in labeled if name != _composed(m.path)[-2]]
        if within:
            folder, name = within[0][0].path.rpartition("/")[0], within[0][1]
            assumed.append(
                f"folders within a class folder do not count: {folder!r} is of class {name!r}"
            )
    return Tree(
        source=source,
        items=tuple(Item(member, part, number[name]) for member, part, name in labeled),
        class_names=tuple(names),
        has_splits=layout.has_splits,
        empty=empty,
        loose=tuple(loose),
        other=other,
        doubt=layout.doubt,
        assumed=tuple(assumed),
    )


def check_tree(tree: Tree) -> None:
    """Raise ValueError unless there are two classes or more with training images in each."""
    where = str(tree.source.path)
    if tree.doubt:
        raise ValueError(
            f"'path' must hold folders that are plainly classes or splits, got "
            f"{where!r}: {tree.doubt}"
        )
    if not tree.items:
        found = f"{len(tree.loose)} outside class folders" if tree.loose else "none"
        raise ValueError(
            f"'path' must hold images in one folder for each class, got {found} in {where!r}"
            f"{_instead(tree.other)}. "
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
        alike = next((names for names in _alike(tree.class_names) if untrained[0] in names), None)
        hint = f" ({' and '.join(map(repr, alike))} are two names)" if alike else ""
        raise ValueError(
            f"Every class must be in the training part, got {untrained[0]!r} in another one only "
            f"of {where!r}{hint}. Name the class folders alike in all parts."
        )


def _image_members(source: Source) -> tuple[list[Member], tuple[Finding, ...]]:
    """The files that are images by their names or contents, and why the others are not."""
    images, unknown = [], []
    other = [Finding(entry.path, entry.kind, entry.reason) for entry in source.left_out()]
    for member in source.members():
        why = why_left_out(member.path, None)
        if why is None:
            images.append(member)
        elif why[0] == "unknown":
            unknown.append(member)
        else:
            other.append(Finding(member.path, *why))
    for member, head in source.heads(unknown, HEAD_BYTES):
        why = why_left_out(member.path, head)
        if why is None:
            images.append(member)
        else:
            other.append(Finding(member.path, *why))
    if unknown:
        images.sort(key=lambda member: member.path)
    return images, tuple(sorted(other, key=lambda finding: finding.path))


def _composed(path: str) -> tuple[str, ...]:
    """The names along a path in Unicode's composed form: Macs write them taken apart."""
    return tuple(unicodedata.normalize("NFC", path).split("/"))


def _empty(
    layout: Layout, paths: Collection[tuple[str, ...]], folders: dict[tuple[str, ...], str]
) -> tuple[str, ...]:
    """The class folders without an image."""
    filled = {path[:end] for path in paths for end in range(1, len(path))}
    bases = {base for base, _ in layout.bases}
    return tuple(
        sorted(raw for path, raw in folders.items() if path[:-1] in bases and path not in filled)
    )


def _alike(names: Collection[str]) -> list[list[str]]:
    """Names that only case, width or blanks tell apart."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups["".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _instead(other: Collection[Finding]) -> str:
    """What is there where no image is, in words for an error."""
    packed = [f.path for f in other if f.path.lower().endswith((".zip", ".tar", ".tgz", ".gz"))]
    unread = [f for f in other if f.kind == "unread format"]
    if unread:
        return f", but {len(unread)} files such as {unread[0].path!r}: {unread[0].reason}"
    return f", but the archive {packed[0]!r}, which may hold them: unpack it" if packed else ""
