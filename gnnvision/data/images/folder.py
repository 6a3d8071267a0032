"""A folder or an archive of labeled images as a dataset, and a look at one beforehand."""

from __future__ import annotations

import csv
import os
import warnings
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Literal

from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.card import Card
from gnnvision.data.file_names import printable
from gnnvision.data.frozen import FrozenDict
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.cache import cache_path, load_or_create
from gnnvision.data.images.decode import DecodeOptions, decode_tree, scan_tree
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.images.splits import rules_for
from gnnvision.data.images.tree import check_tree, read_tree
from gnnvision.data.sources import Source, open_source

__all__ = ["OnInvalid", "folder_card", "read_folder", "scan"]

OnInvalid = Literal["raise", "skip", "quarantine"]


def scan(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> ScanReport:
    """Look at every image of a folder or archive, decoding each, and say what was found.

    Files that cannot be used: empty, no image, truncated, broken, oversized, a single pixel
    wide or high, unreadable. What would be converted: CMYK, 16-bit, palette, alpha, rotated,
    animated. What is suspicious: copies within and across classes and parts, wrong extensions,
    empty classes, a single class, folders that may be splits or classes. What is left out: other
    files and formats, files of an operating system. Nothing is changed, moved or written.

    Args:
        path: A folder `<class>/*` or `train/<class>/*`, or a tar, tar.gz or zip archive of one.
        max_pixels: An image with more is reported as oversized and not decoded.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: It is no folder or archive, or an archive that is damaged or unsafe.
    """
    return scan_tree(read_tree(open_source(path)), max_pixels)


def read_folder(
    path: str | os.PathLike[str],
    options: DecodeOptions,
    on_invalid: OnInvalid = "raise",
    quarantine: str | os.PathLike[str] | None = None,
) -> ImageArrays:
    """The images of a folder or archive, decoded once and kept in the cache.

    Args:
        path: As for `scan`.
        options: What the files become.
        on_invalid: What to do about files that cannot be used: "raise" an error, "skip" them,
            or "quarantine" them: skip them and list them in `quarantine.csv`.
        quarantine: The folder of that list; None for the dataset's folder in the cache.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: There is no image, a single class, an empty class, folders that may be
            classes or splits; or a file that cannot be used, with on_invalid="raise".

    Warns:
        UserWarning: Images are left out: in a format that is not read, or in no class folder.
    """
    if on_invalid not in ("raise", "skip", "quarantine"):
        raise ValueError(
            f"'on_invalid' must be 'raise', 'skip' or 'quarantine', got {on_invalid!r}. "
            "Choose one."
        )
    source = open_source(path)
    place = cache_path("tree", source.fingerprint(), options)
    if on_invalid == "quarantine" and quarantine is None and place is None:
        raise ValueError(
            "'quarantine' must be a folder where there is no cache, got None. Give one."
        )

    def decode() -> ImageArrays:
        tree = read_tree(source)
        check_tree(tree)
        return decode_tree(tree, options)

    arrays = load_or_create(place, decode)
    assert arrays.scan is not None
    # The cache may have been made from the same contents elsewhere.
    arrays = replace(arrays, scan=replace(arrays.scan, source=printable(str(source.path))))
    _apply(on_invalid, arrays, place if quarantine is None else Path(quarantine))
    assert arrays.scan is not None
    _warn(arrays.scan)
    return arrays


def _warn(report: ScanReport) -> None:
    """Warn of images that nobody would miss until the results are odd."""
    reasons = []
    unread, loose = report.of("unread format"), report.of("no class")
    if unread:
        first = unread[0]
        reasons.append(
            f"{len(unread)} in formats that are not read ({first.path!r}: {first.reason})"
        )
    if loose:
        reasons.append(f"{len(loose)} in no class folder (such as {loose[0].path!r})")
    if reasons:
        warnings.warn(
            f"Of {report.source!r} images are left out: {'; '.join(reasons)}. "
            "gnnvision.data.scan lists all.",
            UserWarning,
            stacklevel=2,
        )


def folder_card(source: Source, arrays: ImageArrays) -> Card:
    """A card for a folder that has none: what can be seen of it."""
    assert arrays.scan is not None
    height, width, channels = arrays.images.shape[1:]
    smallest, largest = arrays.scan.sizes
    size = f"{height} x {width} pixels"
    if not smallest == largest == (height, width):
        size += (
            f", made from {smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]}: the "
            "shorter side is resized with antialiasing, the middle is kept"
        )
    skipped = len(arrays.scan.invalid)
    description = (
        f"{len(arrays.y)} {'gray' if channels == 1 else 'color'} images of {size}, in "
        f"{len(arrays.class_names)} classes named by their folders."
        + (f" {skipped} files that cannot be used are left out." if skipped else "")
    )
    place = f"The {'folder' if source.path.is_dir() else 'archive'} {printable(source.path.name)}."
    counts = [int((arrays.y == label).sum()) for label in range(len(arrays.class_names))]
    return Card(
        name=source.name,
        title=source.name,
        kind="image",
        description=description,
        source=place,
        license="None is stated.",
        citation="None is known.",
        class_names=arrays.class_names,
        class_names_source="The names of the folders, in alphabetical order.",
        splits=FrozenDict(rules_for(arrays.part)),
        facts=FrozenDict({"size": [height, width], "channels": channels, "class_sizes": counts}),
    )


def _apply(on_invalid: OnInvalid, arrays: ImageArrays, folder: Path | None) -> None:
    """Do about the files that cannot be used what was asked for."""
    assert arrays.scan is not None
    invalid = arrays.scan.invalid
    if on_invalid == "raise" and invalid:
        first = invalid[0]
        more = f" ({len(invalid)} files cannot be used)" if len(invalid) > 1 else ""
        raise ValueError(
            f"Every image must be readable, got {first.path!r} in {arrays.scan.source!r}: "
            f"{first.kind}, {first.reason}{more}. Mend or remove it, or load with "
            "on_invalid='skip' (--on-invalid skip); gnnvision.data.scan lists all."
        )
    if on_invalid == "quarantine":
        assert folder is not None
        table = StringIO()
        writer = csv.writer(table)
        writer.writerow(["path", "reason", "details"])
        listed = (*invalid, *arrays.scan.of("unread format"))
        writer.writerows([finding.path, finding.kind, finding.reason] for finding in listed)
        try:
            with atomic_write(folder / "quarantine.csv") as file:
                file.write(table.getvalue().encode("utf-8", "backslashreplace"))
        except NotWritable as error:
            raise ValueError(
                f"'quarantine' must be a folder that can be written, got {str(folder)!r} "
                f"({error}). Give another one."
            ) from error
