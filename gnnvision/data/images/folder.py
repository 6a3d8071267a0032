"""Image datasets from a folder or an archive, and a scan of their files."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Literal

from gnnvision._extras import require_extra
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
from gnnvision.errors import invalid, one_of

__all__ = ["OnInvalid", "folder_card", "list_invalid", "read_folder", "scan"]

OnInvalid = Literal["raise", "skip", "quarantine"]


def scan(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> ScanReport:
    """Decode every image of a folder or archive and report all problems.

    The report lists invalid files (empty, not an image, truncated, broken, oversized, one pixel
    wide or high, unreadable), conversions (CMYK, 16-bit, palette, alpha, rotated, animated),
    suspicious findings (duplicates within and across classes and splits, wrong extensions, empty
    classes, a single class, folders that may be splits or classes), and excluded files (other
    files and formats, system files). No file is changed, moved or written.

    Args:
        path: A folder `<class>/*` or `train/<class>/*`, or a tar, tar.gz or zip archive of one.
        max_pixels: An image with more pixels is reported as oversized and not decoded.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: It is not a folder or archive, or the archive is damaged or unsafe.
    """
    require_extra("images", "Reading image files", "PIL")
    return scan_tree(read_tree(open_source(path)), max_pixels)


def read_folder(
    path: str | os.PathLike[str],
    options: DecodeOptions,
    on_invalid: OnInvalid = "raise",
    quarantine: str | os.PathLike[str] | None = None,
) -> ImageArrays:
    """Read the images of a folder or archive, decoded once and then cached.

    Args:
        path: See `scan`.
        options: The size and channels of the decoded images.
        on_invalid: For files that cannot be decoded: "raise" an error, "skip" them, or
            "quarantine": skip them and list them in `quarantine.csv`.
        quarantine: The folder for `quarantine.csv`; None for the dataset's folder in the cache.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: There are no images, a single class, an empty class, or folders that may be
            classes or splits; or there is an invalid file and on_invalid is "raise".

    Warns:
        UserWarning: Images are excluded: unsupported formats, or outside the class folders.
    """
    one_of("on_invalid", on_invalid, ("raise", "skip", "quarantine"))
    source = open_source(path)
    place = cache_path("tree", source.fingerprint(), options)
    if on_invalid == "quarantine" and quarantine is None and place is None:
        raise invalid("quarantine", "be a folder if there is no cache", None, "Pass a folder.")

    def decode() -> ImageArrays:
        tree = read_tree(source)
        check_tree(tree)
        return decode_tree(tree, options)

    arrays = load_or_create(place, decode)
    assert arrays.scan is not None
    # The cache may come from the same contents at another path.
    arrays = replace(arrays, scan=replace(arrays.scan, source=printable(str(source.path))))
    _handle_invalid(on_invalid, arrays, place if quarantine is None else Path(quarantine))
    assert arrays.scan is not None
    _warn_excluded(arrays.scan)
    return arrays


def _warn_excluded(report: ScanReport) -> None:
    """Warn about excluded images, which would otherwise go unnoticed."""
    reasons = []
    unsupported, loose = report.of("unsupported format"), report.of("no class")
    if unsupported:
        first = unsupported[0]
        reasons.append(
            f"{len(unsupported)} in unsupported formats ({first.path!r}: {first.reason})"
        )
    if loose:
        reasons.append(f"{len(loose)} outside the class folders (e.g. {loose[0].path!r})")
    if reasons:
        warnings.warn(
            f"Images in {report.source!r} are excluded: {'; '.join(reasons)}. "
            "gnnvision.data.scan lists all.",
            UserWarning,
            stacklevel=2,
        )


def folder_card(source: Source, arrays: ImageArrays) -> Card:
    """The dataset card of a user's folder or archive."""
    assert arrays.scan is not None
    height, width, channels = arrays.images.shape[1:]
    smallest, largest = arrays.scan.sizes
    size = f"{height} x {width} pixels"
    if not smallest == largest == (height, width):
        size += (
            f", resized from {smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]}: the "
            "shorter side is resized with antialiasing and the center cropped"
        )
    skipped = len(arrays.scan.invalid)
    description = (
        f"{len(arrays.y)} {'grayscale' if channels == 1 else 'color'} images of {size}, in "
        f"{len(arrays.class_names)} classes named by their folders."
        + (f" {skipped} invalid files are excluded." if skipped else "")
    )
    place = f"The {'folder' if source.path.is_dir() else 'archive'} {printable(source.path.name)}."
    counts = [int((arrays.y == label).sum()) for label in range(len(arrays.class_names))]
    return Card(
        name=source.name,
        title=source.name,
        kind="image",
        description=description,
        source=place,
        license="Not stated.",
        citation="Not known.",
        class_names=arrays.class_names,
        class_names_source="The names of the folders, in alphabetical order.",
        splits=FrozenDict(rules_for(arrays.split)),
        facts=FrozenDict({"size": [height, width], "channels": channels, "class_sizes": counts}),
    )


def _handle_invalid(on_invalid: OnInvalid, arrays: ImageArrays, folder: Path | None) -> None:
    """Raise an error about invalid files, or list them in `quarantine.csv`."""
    assert arrays.scan is not None
    faulty = arrays.scan.invalid
    if on_invalid == "raise" and faulty:
        first = faulty[0]
        more = f" ({len(faulty)} invalid files)" if len(faulty) > 1 else ""
        raise ValueError(
            f"All images must be valid, got {first.path!r} in {arrays.scan.source!r}: "
            f"{first.kind}, {first.reason}{more}. Fix or remove it, or load with "
            "on_invalid='skip' (--on-invalid skip). gnnvision.data.scan lists all."
        )
    if on_invalid == "quarantine":
        assert folder is not None
        rows = (*faulty, *arrays.scan.of("unsupported format"))
        list_invalid(folder, [(f.path, f.kind, f.reason) for f in rows])


def list_invalid(folder: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Write `quarantine.csv`: a path, a reason and details in each row."""
    table = StringIO()
    writer = csv.writer(table)
    writer.writerows([("path", "reason", "details"), *rows])
    try:
        with atomic_write(folder / "quarantine.csv") as file:
            file.write(table.getvalue().encode("utf-8", "backslashreplace"))
    except NotWritable as error:
        got = f"{str(folder)!r} ({error})"
        raise invalid("quarantine", "be a writable folder", got, "Pass another folder.") from error
