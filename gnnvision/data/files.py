"""The files of a dataset card: located, downloaded if missing, and verified."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from gnnvision.data.arrays import NodeArrays, read_npz, write_npz
from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.card import Card, DataFile
from gnnvision.data.download import download_files
from gnnvision.data.errors import ChecksumError, DataNotFound
from gnnvision.data.fetch import Limits
from gnnvision.data.root import cache_folder, data_root, is_writable

__all__ = ["decode_cached", "locate", "locate_any", "read_checked", "read_verified"]

_CACHE_VERSION = 1  # increase it when the result of `decode` changes; old caches are then ignored
_SLOWEST = 200_000  # bytes per second; the time limit of a large file follows from it


def locate(card: Card, root: str | os.PathLike[str] | None, *, download: bool) -> Path:
    """The folder with all files of the card, downloaded if they are missing.

    The files are searched below the data root in torch-geometric's layouts, `Cora/raw` and
    `Cora/Cora/raw`, and in the root itself. They are downloaded into the first of these; if the
    root is read-only, into the user's cache, which is then searched too.

    Raises:
        DataNotFound: The files were not found and could not be downloaded.
    """
    names = [file.path for file in card.files]
    return locate_any(card, root, (names,), download=download)[0]


def locate_any(
    card: Card,
    root: str | os.PathLike[str] | None,
    alternatives: Sequence[Sequence[str]],
    *,
    download: bool,
) -> tuple[Path, list[str]]:
    """`locate` for a dataset that may be stored in several forms, such as packed or unpacked.

    Args:
        card: The card; its files are the ones to download.
        root: The data root.
        alternatives: Lists of files, each sufficient, in order of preference.
        download: Whether missing files may be downloaded.

    Returns:
        The folder, and the list of files that is complete there.

    Raises:
        DataNotFound: The files were not found and could not be downloaded.
    """
    base = data_root(root)
    folder = Path(card.folder)
    places = [base / folder, base.joinpath(*folder.parts[:1]) / folder, base]
    cache = cache_folder()
    target = places[0]
    if not is_writable(target) and cache is not None:
        target = cache / "downloads" / card.folder
        places.append(target)
    for names in alternatives:
        for place in places:
            if all((place / name).is_file() for name in names):
                return place, list(names)
    published = [file.path for file in card.files]
    if not download:
        missing = [name for name in published if not (target / name).is_file()]
        address = card.urls[0].rstrip("/") if card.urls else ""
        raise DataNotFound(
            f"The files of {card.name!r} were not found in {base}, and download=False.",
            missing,
            target,
            [f"{address}/{name}" for name in missing] if address else (),
        )
    largest = max((file.size or 0 for file in card.files), default=0)
    limits = Limits(total_s=max(Limits.total_s, largest / _SLOWEST))
    download_files(card.files, card.urls, target, what=card.name, limits=limits)
    return target, published


def read_verified(card: Card, folder: Path) -> dict[str, bytes]:
    """The content of the card's files, verified against the SHA-256 sums of the card.

    Raises:
        ChecksumError: A file differs from the one that the card describes.
    """
    content = {file.path: read_checked(file, folder) for file in card.files}
    unknown = [file.path for file in card.files if file.sha256 is None]
    if unknown:
        warnings.warn(
            f"The files of {card.name!r} in {folder} could not be verified: the card has no "
            f"SHA-256 for {', '.join(unknown)}. They are read with the restricted unpickler.",
            UserWarning,
            stacklevel=2,
        )
    return content


def read_checked(file: DataFile, folder: Path) -> bytes:
    """The content of one file, verified against its SHA-256 if the card has one.

    Raises:
        ChecksumError: The file differs from the one that the card describes.
    """
    data = (folder / file.path).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if file.sha256 not in (None, found):
        raise ChecksumError(
            f"{folder / file.path} must have the SHA-256 {file.sha256}, got {found} "
            f"({len(data)} bytes). Delete it and load again, or replace it with the right file."
        )
    return data


def decode_cached(
    card: Card,
    raw: dict[str, bytes],
    decode: Callable[[dict[str, bytes], Card], NodeArrays],
) -> NodeArrays:
    """The result of `decode(raw, card)`, cached in the user's cache by the hash of the files.

    If the cache cannot be read or written, it is not used.
    """
    cache = cache_folder()
    if cache is None:
        return decode(raw, card)
    digest = hashlib.sha256(f"{_CACHE_VERSION} {card.splits} {card.class_names}".encode())
    for name in sorted(raw):
        digest.update(name.encode() + hashlib.sha256(raw[name]).digest())
    path = cache / "decoded" / f"{card.name}-{digest.hexdigest()[:32]}.npz"
    try:
        return read_npz(path.read_bytes())
    except (OSError, ValueError):  # missing, truncated, or of another form
        arrays = decode(raw, card)
    try:
        with atomic_write(path) as target:
            write_npz(target, arrays)
    except (NotWritable, OSError):
        pass
    return arrays
