"""The class and the split of each image, from its folders."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from gnnvision.data.images.formats import HEAD_BYTES, exclusion_reason
from gnnvision.data.images.layout import Layout, find_layout
from gnnvision.data.images.scan_report import Finding
from gnnvision.data.images.split_names import TRAIN
from gnnvision.data.sources import Member, Source
from gnnvision.errors import invalid

__all__ = ["Item", "Tree", "check_tree", "read_tree"]


@dataclass(frozen=True)
class Item:
    """One image: its file, its split (0 training, 1 validation, 2 test) and its class.

    The class is -100 for an image without one.
    """

    member: Member
    split: int
    label: int


@dataclass(frozen=True)
class Tree:
    """The labeled images of a source.

    Args:
        source: The folder or archive.
        items: The images, sorted by path.
        class_names: The names of the class folders, sorted.
        has_splits: Whether there are split folders above or below the class folders.
        empty: Class folders of the training split without images.
        loose: Images outside the class folders.
        other: All other files, with the reasons.
        problem: Why class and split folders are ambiguous, as a sentence; "" if they are not.
        assumed: Assumptions about names, as sentences.
    """

    source: Source
    items: tuple[Item, ...]
    class_names: tuple[str, ...]
    has_splits: bool
    empty: tuple[str, ...]
    loose: tuple[str, ...]
    other: tuple[Finding, ...] = ()
    problem: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings about the folders."""
        found = [Finding(path, "no class") for path in self.loose]
        found += [Finding(path, "empty class") for path in self.empty]
        if len(self.class_names) == 1:
            found.append(Finding(self.class_names[0], "single class"))
        if self.problem:
            found.append(Finding(".", "ambiguous folders", self.problem))
        for names in _similar(self.class_names):
            others = " and ".join(map(repr, names[1:]))
            reason = f"differs from {others} only in case, width or spaces"
            found.append(Finding(names[0], "similar classes", reason))
        return (*found, *self.other)


def read_tree(source: Source) -> Tree:
    """Read the images below `train/<class>`, `val/<class>` and `test/<class>`, or `<class>`.

    Split folders may have any name that `split_names` recognizes. Their subfolders are the
    classes; images in deeper subfolders belong to the class folder. Single top-level folders, as
    in archives, are skipped. Names that differ only in their Unicode form are the same.
    """
    images, other = _image_members(source)
    paths = [_composed(member.path) for member in images]
    folders = {_composed(folder): folder for folder in source.folders()}
    layout = find_layout(paths, list(folders))
    labeled: list[tuple[Member, int, str]] = []
    loose: list[str] = []
    spellings: defaultdict[str, set[str]] = defaultdict(set)  # the names of a class on disk
    for member, path in zip(images, paths, strict=True):
        found = layout.locate(path)
        if found is None:
            loose.append(member.path)
            continue
        split, level = found
        labeled.append((member, split, path[level]))
        spellings[path[level]].add(member.path.split("/")[level])
    names = sorted(spellings)
    number = {name: label for label, name in enumerate(names)}
    closed = {finding.path for finding in other if finding.kind == "unreadable"}
    empty = _empty(
        layout, paths, {path: raw for path, raw in folders.items() if raw not in closed}
    )
    forms = [name for name in names if len(spellings[name]) > 1]
    assumed = list(source.assumed())
    if forms:
        assumed.append(
            f"folders named {', '.join(map(repr, forms))} in two Unicode forms are the same class"
        )
    if not layout.inner:
        within = [(m, name) for m, _, name in labeled if name != _composed(m.path)[-2]]
        if within:
            folder, name = within[0][0].path.rpartition("/")[0], within[0][1]
            assumed.append(
                f"subfolders belong to their class folder: {folder!r} has the class {name!r}"
            )
    return Tree(
        source=source,
        items=tuple(Item(member, split, number[name]) for member, split, name in labeled),
        class_names=tuple(names),
        has_splits=layout.has_splits,
        empty=empty,
        loose=tuple(loose),
        other=other,
        problem=layout.problem,
        assumed=tuple(assumed),
    )


def check_tree(tree: Tree) -> None:
    """Raise ValueError unless there are two or more classes, each with training images."""
    where = str(tree.source.path)
    if tree.problem:
        raise ValueError(
            f"'path' must have unambiguous class and split folders, got {where!r}: {tree.problem}"
        )
    if not tree.items:
        found = f"{len(tree.loose)} outside class folders" if tree.loose else "none"
        got = f"{found} in {where!r}{_explain_missing(tree.other)}"
        advice = (
            "Sort them into <class>/*.jpg, or train/<class>/*.jpg and test/<class>/*.jpg; or list "
            "files and labels in a table and load that. To predict images without labels, pass "
            "the folder to run.predict of a trained run."
        )
        raise invalid("path", "have images in one folder for each class", got, advice)
    if tree.empty:
        raise ValueError(
            f"Every class folder must have images, got none in {tree.empty[0]!r} of {where!r}. "
            "Add some, or remove the folder."
        )
    if len(tree.class_names) == 1:
        got = f"only {tree.class_names[0]!r} in {where!r}"
        advice = "Pass the parent folder, or add a class."
        raise invalid("path", "have two or more class folders", got, advice)
    trained = {item.label for item in tree.items if item.split == TRAIN}
    untrained = [name for label, name in enumerate(tree.class_names) if label not in trained]
    if untrained:
        similar = next(
            (names for names in _similar(tree.class_names) if untrained[0] in names), None
        )
        hint = f" ({' and '.join(map(repr, similar))} are different names)" if similar else ""
        raise ValueError(
            f"Every class must be in the training split, got {untrained[0]!r} only in another "
            f"split of {where!r}{hint}. Use the same names of class folders in all splits."
        )


def _image_members(source: Source) -> tuple[list[Member], tuple[Finding, ...]]:
    """The image files of a source, and the findings about all other files."""
    images, unknown = [], []
    other = [Finding(entry.path, entry.kind, entry.reason) for entry in source.excluded()]
    for member in source.members():
        reason = exclusion_reason(member.path, None)
        if reason is None:
            images.append(member)
        elif reason[0] == "unknown":
            unknown.append(member)
        else:
            other.append(Finding(member.path, *reason))
    for member, head in source.heads(unknown, HEAD_BYTES):
        reason = exclusion_reason(member.path, head)
        if reason is None:
            images.append(member)
        else:
            other.append(Finding(member.path, *reason))
    if unknown:
        images.sort(key=lambda member: member.path)
    return images, tuple(sorted(other, key=lambda finding: finding.path))


def _composed(path: str) -> tuple[str, ...]:
    """The components of a path in Unicode's composed form; macOS decomposes them."""
    return tuple(unicodedata.normalize("NFC", path).split("/"))


def _empty(
    layout: Layout, paths: Collection[tuple[str, ...]], folders: dict[tuple[str, ...], str]
) -> tuple[str, ...]:
    """The class folders without images."""
    filled = {path[:end] for path in paths for end in range(1, len(path))}
    bases = {base for base, _ in layout.bases}
    return tuple(
        sorted(raw for path, raw in folders.items() if path[:-1] in bases and path not in filled)
    )


def _similar(names: Collection[str]) -> list[list[str]]:
    """Groups of names that differ only in case, width or spaces."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups["".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _explain_missing(other: Collection[Finding]) -> str:
    """What a source without images contains instead, for a message."""
    packed = [f.path for f in other if f.path.lower().endswith((".zip", ".tar", ".tgz", ".gz"))]
    unsupported = [f for f in other if f.kind == "unsupported format"]
    if unsupported:
        first = unsupported[0]
        return f", but {len(unsupported)} files such as {first.path!r}: {first.reason}"
    return f", but the archive {packed[0]!r}, which may contain them: unpack it" if packed else ""
