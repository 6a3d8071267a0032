"""The image files that a table names: which column has them, and where they are."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gnnvision.data.file_names import printable
from gnnvision.data.images.formats import ENDINGS, exclusion_reason
from gnnvision.data.sources import FolderSource, Member, Source, open_source
from gnnvision.data.table import Table
from gnnvision.errors import invalid

__all__ = ["Listed", "file_column", "find_files", "looks_like_image_table"]

_EXAMINED = 200  # rows in which the column of files is searched
_WEB = ("http://", "https://", "ftp://", "s3://", "gs://", "data:")


def looks_like_image_table(table: Table, folder: Path) -> bool:
    """Whether a column of a table has names of image files.

    Args:
        table: Any table.
        folder: The folder of the table, for names without an extension.
    """
    return bool(_candidates(table, folder))


def file_column(table: Table, folder: Path, column: str | None) -> tuple[str, str]:
    """The column with the image files, and how it was found; `column` itself if it is given.

    Raises:
        ValueError: There is no such column, or several could be it.
    """
    if column is not None:
        table.column(column, "image")
        return column, "named"
    found = _candidates(table, folder)
    known = ", ".join(map(repr, table.columns))
    condition = f"name the column with the image files among {known}"
    if not found:
        advice = "Its cells are paths relative to the folder of the table, or to 'folder'."
        raise invalid("image", condition, "none, and no column has names of images", advice)
    if len(found) > 1:
        got = f"none, and {' and '.join(map(repr, found))} have names of images"
        raise invalid("image", condition, got, f"Pass for example image={found[0]!r}.")
    return found[0], "found by its values"


def _candidates(table: Table, folder: Path) -> list[str]:
    """The columns in which most cells are names of images."""
    out = []
    for place, name in enumerate(table.columns):
        cells = [row[place] for row in table.rows[:_EXAMINED] if row[place].strip()]
        images = sum(_is_image_name(cell) for cell in cells)
        if not images and folder.is_dir() and place == 0:
            images = sum(_exists_with_an_extension(folder, cell) for cell in cells[:3]) * len(
                cells
            )
        if cells and 2 * images > len(cells) and table.columns.count(name) == 1:
            out.append(name)
    return out


def _is_image_name(cell: str) -> bool:
    name = PurePosixPath(_plain(cell)).name
    why = exclusion_reason(name, None)
    return bool(PurePosixPath(name).suffix) and (why is None or why[0] == "unsupported format")


def _exists_with_an_extension(folder: Path, cell: str) -> bool:
    name = _plain(cell)
    try:
        return "\0" not in name and any((folder / f"{name}{end}").is_file() for end in ENDINGS)
    except OSError:  # a name that is too long
        return False


def _plain(cell: str) -> str:
    """A path as in a source: with `/`, in Unicode's composed form."""
    name = unicodedata.normalize("NFC", cell.strip()).replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


@dataclass(frozen=True)
class Listed:
    """The image files that the rows of a table name.

    Args:
        source: The folder or archive that has them.
        members: The file of each row; None if it has no file.
        reasons: Row -> why it has no file.
        rule: How the names were matched to files; "" for paths as they are.
    """

    source: Source
    members: Sequence[Member | None]
    reasons: Mapping[int, str]
    rule: str = ""


class _FolderOfNames(FolderSource):
    """Some files of a folder, by their paths; nothing else in the folder is listed."""

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        self._names = names
        super().__init__(path)

    def _walk(self) -> list[str]:
        for name in self._names:
            self._record(name, PurePosixPath(name).name)
        return []


def find_files(cells: Sequence[str], folder: str | os.PathLike[str]) -> Listed:
    """The files that the cells of a column name.

    A cell is a path relative to the folder or absolute. If the folder has few of them, its
    subfolders are searched: for the end of the path, for the name of the file, and for the name
    without its extension, as long as they are unambiguous.

    Args:
        cells: The column.
        folder: A folder, or a tar, tar.gz or zip archive.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: It is neither a folder nor an archive.
    """
    place = Path(folder)
    names = [_plain(cell) for cell in cells]
    wanted = {name for name in names if name and not name.lower().startswith(_WEB)}
    if place.is_dir():
        here = sorted(name for name in wanted if _is_file(place, name))
        if 2 * len(here) >= len(wanted):
            source: Source = _FolderOfNames(place, here)
            return _listed(source, names, {member.path: [member] for member in source.members()})
    source = open_source(place)
    best: tuple[dict[str, list[Member]], str] = ({}, "")
    for rule, key in _RULES.items():
        index: dict[str, list[Member]] = {}
        for member in source.members():
            if _is_image_name(member.path):
                for form in key(_plain(member.path)):
                    index.setdefault(form, []).append(member)
        found = {name: index[name] for name in wanted if name in index}
        if len(found) > len(best[0]):
            best = found, rule
    return _listed(source, names, *best)


def _ends(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _stems(path: str) -> list[str]:
    return [end.rpartition(".")[0] for end in _ends(path)]


def _whole(path: str) -> list[str]:
    return [path]


_RULES = {"": _whole, "in subfolders": _ends, "without extension": _stems}


def _is_file(folder: Path, name: str) -> bool:
    try:
        return "\0" not in name and (folder / name).is_file()
    except OSError:
        return False


def _listed(
    source: Source, names: Sequence[str], found: Mapping[str, Sequence[Member]], rule: str = ""
) -> Listed:
    """The file of each row; each file is used once."""
    members: list[Member | None] = []
    reasons: dict[int, str] = {}
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        held = found.get(name, ())
        path = held[0].path if len(held) == 1 else ""
        if not name:
            reasons[row] = "no file"
        elif name.lower().startswith(_WEB):
            reasons[row] = f"{name[:60]!r} is a web address; download it"
        elif not held:
            reasons[row] = f"{name!r} is not in {printable(str(source.path))!r}"
        elif not path:
            both = " and ".join(repr(member.path) for member in held[:2])
            reasons[row] = f"{name!r} may be {both}"
        elif path in first:
            reasons[row] = f"{name!r} is also the file of row {first[path]}"
        else:
            first[path] = row
        members.append(None if row in reasons else held[0])
    return Listed(source, members, reasons, rule)
